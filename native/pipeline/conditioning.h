#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// Throws `ErrorCode::InvalidOption`, naming `name`, for ids that the text encoder can't take.
void checkIds(const Pipeline& pipeline, const char* name, const std::vector<int32_t>& ids);

/// The text encoder's states for a batch of token ids, (N, S, D), in the pipeline's dtype on its device.
at::Tensor encodeText(const Pipeline& pipeline, const std::vector<const std::vector<int32_t>*>& ids);

/// The request's references, fp32 on the pipeline's device.
struct ReferenceLatents {
  at::Tensor latents;       // (1, R, C, h, w), scaled
  at::Tensor log_variance;  // of the posterior before scaling, (1, R, C, h, w)
};

ReferenceLatents encodeReferences(const Pipeline& pipeline, const SampleRequest& request,
                                  const std::function<void()>& onEach);

/// 8-bit RGB, row by row -> (1, 3, H, W) in -1..1, fp32 on the CPU.
at::Tensor imageToTensor(const uint8_t* rgb, int64_t width, int64_t height);

/// `is_finite`: whether all numbers of a result are, one bool on any device. Throws
/// `ErrorCode::WeightsFormat` where they are not: NaN would silently become pixels.
void requireFinite(const Pipeline& pipeline, const at::Tensor& is_finite);

/// (3, H, W) in -1..1, any dtype and device -> (H, W, 3), 8 bits, clamped and rounded, on the same device.
at::Tensor toRgb(const at::Tensor& image);

}  // namespace cameo::pipeline
