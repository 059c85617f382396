#pragma once

#include <ATen/core/Tensor.h>

#include "pipeline/request.h"

namespace cameo::pipeline {

/// A picture as CLIP reads it, (1, 3, size, size), fp32 on the CPU: the shorter side resized to `size`, the
/// middle cut out, and less CLIP's mean by its deviation. As transformers' CLIPImageProcessor does it with
/// Pillow.
at::Tensor clipPixels(const RgbImage& image, int64_t size);

/// The same of a square picture of that size.
at::Tensor clipPixelsOfSquare(const RgbImage& square);

/// The same of the whole picture, squashed: smoothed where it becomes smaller, and resized between its
/// corners, in fp32, as diffusers' StableVideoDiffusionPipeline does it.
at::Tensor squashedClipPixels(const RgbImage& image, int64_t size);

/// The same of a picture that is grey throughout, the middle of all values.
at::Tensor greyClipPixels(int64_t size);

}  // namespace cameo::pipeline
