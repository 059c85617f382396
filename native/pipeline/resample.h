#pragma once

#include "pipeline/request.h"

namespace cameo::pipeline {

/// A part of a picture, in pixels.
struct Box {
  int64_t left, top, width, height;
};

/// Filters of Pillow's `Image.resize`.
enum class Filter { Box, Bilinear, Bicubic, Lanczos };

/// What `box` cuts out of the picture when it is brought to `width` x `height` by the `Image.resize` of
/// Pillow 13, to the bit: each number is rounded to 8 bits along the rows and along the columns, in its
/// order. Of the result nothing outside the box is computed.
RgbImage resize(const RgbImage& image, Filter filter, int64_t width, int64_t height, const Box& box);

/// The whole picture within `width` x `height`, as large as it fits there, with white around its middle: as
/// Phantom's authors do it, whose lengths are cut to whole pixels.
RgbImage fitOnWhite(const RgbImage& image, int64_t width, int64_t height);

}  // namespace cameo::pipeline
