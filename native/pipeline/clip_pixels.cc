#include "pipeline/clip_pixels.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "pipeline/pixels.h"
#include "pipeline/resample.h"

namespace cameo::pipeline {

namespace {

/// Pixels (..., 3, H, W) in 0..1, less CLIP's mean by its deviation.
at::Tensor normalised(const at::Tensor& pixels) {
  const at::Tensor mean = at::tensor({0.48145466, 0.4578275, 0.40821073}, at::kFloat).view({3, 1, 1});
  const at::Tensor deviation = at::tensor({0.26862954, 0.26130258, 0.27577711}, at::kFloat).view({3, 1, 1});
  return (pixels - mean) / deviation;
}

/// x (1, 3, H, W), smoothed along `dim` as much as it takes to bring that to `size`.
at::Tensor smoothed(const at::Tensor& x, int64_t dim, int64_t size) {
  const double factor = static_cast<double>(x.size(dim)) / static_cast<double>(size);
  if (factor <= 1) return x;
  const double deviation = std::max((factor - 1) / 2, 0.001);
  const int64_t width = static_cast<int64_t>(std::max(4 * deviation, 3.0)) / 2 * 2 + 1;
  const at::Tensor places = at::arange(width, at::kFloat) - width / 2;
  const at::Tensor weights = at::exp(-places.pow(2) / (2 * at::scalar_tensor(deviation, at::kFloat).pow(2)));
  const bool is_row = dim == 3;
  const int64_t margin = width / 2;
  const std::vector<int64_t> margins =
      is_row ? std::vector<int64_t>{margin, margin, 0, 0} : std::vector<int64_t>{0, 0, margin, margin};
  const at::Tensor kernel =
      (weights / weights.sum())
          .view(is_row ? at::IntArrayRef{1, 1, 1, width} : at::IntArrayRef{1, 1, width, 1});
  return at::conv2d(at::reflection_pad2d(x, margins).transpose(0, 1), kernel).transpose(0, 1);
}

}  // namespace

at::Tensor clipPixels(const RgbImage& image, int64_t size) {
  const int64_t shorter = std::min(image.width, image.height);
  const auto resized = [&](int64_t side) { return side == shorter ? size : size * side / shorter; };
  const int64_t width = resized(image.width), height = resized(image.height);
  const RgbImage middle =
      resize(image, Filter::Bicubic, width, height, {(width - size) / 2, (height - size) / 2, size, size});
  return clipPixelsOfSquare(middle);
}

at::Tensor clipPixelsOfSquare(const RgbImage& square) {
  const at::Tensor pixels =
      at::from_blob(const_cast<uint8_t*>(square.data.data()), {square.height, square.width, 3}, at::kByte)
          .permute({2, 0, 1})
          .to(at::kFloat)
          .div_(255);
  return normalised(pixels).unsqueeze(0);
}

at::Tensor greyClipPixels(int64_t size) {
  return normalised(at::full({1, 3, size, size}, 0.5, at::kFloat));
}

at::Tensor squashedClipPixels(const RgbImage& image, int64_t size) {
  const at::Tensor pixels = imageToTensor(image.data.data(), image.width, image.height);
  const at::Tensor smooth = smoothed(smoothed(pixels, 3, size), 2, size);
  const at::Tensor resized = at::upsample_bicubic2d(smooth, {size, size}, /*align_corners=*/true);
  return normalised((resized + 1) / 2);
}

}  // namespace cameo::pipeline
