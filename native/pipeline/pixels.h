#pragma once

#include <ATen/core/Tensor.h>

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// (1, 1, H, W), fp32: 1 where the picture is at least half white, by ITU-R BT.601's luma in whole numbers,
/// as Pillow computes it.
at::Tensor maskToTensor(const RgbImage& mask);

/// 8-bit RGB, row by row -> (1, 3, H, W) in -1..1, fp32 on the CPU.
at::Tensor imageToTensor(const uint8_t* rgb, int64_t width, int64_t height);

/// (3, H, W) in -1..1, any dtype and device -> (H, W, 3), 8 bits, clamped and rounded, on the same device.
at::Tensor toRgb(const at::Tensor& image);

/// `is_finite`: whether all numbers of a result are, one bool on any device. Throws
/// `ErrorCode::WeightsFormat` where they are not: NaN would silently become pixels.
void requireFinite(const Pipeline& pipeline, const at::Tensor& is_finite);

/// The frames of latents (1, F, C, h, w); none where the request has them handed out.
Frames decodeFrames(const Pipeline& pipeline, const SampleRequest& request, const at::Tensor& latents,
                    const OnProgress& onProgress, const Cancellation& cancellation);

}  // namespace cameo::pipeline
