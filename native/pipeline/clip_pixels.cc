#include "pipeline/clip_pixels.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "pipeline/resample.h"

namespace cameo::pipeline {

at::Tensor clipPixels(const RgbImage& image, int64_t size) {
  const int64_t shorter = std::min(image.width, image.height);
  const auto resized = [&](int64_t side) { return side == shorter ? size : size * side / shorter; };
  const int64_t width = resized(image.width), height = resized(image.height);
  const RgbImage middle =
      resizeBicubic(image, width, height, {(width - size) / 2, (height - size) / 2, size, size});
  const at::Tensor pixels =
      at::from_blob(const_cast<uint8_t*>(middle.data.data()), {size, size, 3}, at::kByte)
          .permute({2, 0, 1})
          .to(at::kFloat)
          .div_(255);
  const at::Tensor mean = at::tensor({0.48145466, 0.4578275, 0.40821073}, at::kFloat).view({3, 1, 1});
  const at::Tensor deviation = at::tensor({0.26862954, 0.26130258, 0.27577711}, at::kFloat).view({3, 1, 1});
  return pixels.sub_(mean).div_(deviation).unsqueeze(0);
}

}  // namespace cameo::pipeline
