#pragma once

#include "pipeline/request.h"

namespace cameo::pipeline {

/// The middle of the picture at `width` x `height`, as diffusers' I2VGenXLPipeline cuts it out: the picture
/// is brought to a size that just covers that, each pixel the mean of what it stands for. Where rounding
/// leaves it a pixel short, that pixel is black.
RgbImage centreCrop(const RgbImage& image, int64_t width, int64_t height);

/// The same as torchvision's Resize and CenterCrop: the picture's shorter side is brought to that of `width`
/// and `height`, and what the picture then lacks at its sides is black.
RgbImage centreCropByShorterSide(const RgbImage& image, int64_t width, int64_t height);

}  // namespace cameo::pipeline
