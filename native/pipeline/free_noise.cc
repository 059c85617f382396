#include "pipeline/free_noise.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::pipeline {

at::Tensor shuffleFrames(const at::Tensor& noise, int64_t length, int64_t stride, at::Generator generator) {
  at::Tensor result = noise.clone();
  const int64_t frames = noise.size(0);
  for (int64_t first = length; first < frames; first += stride) {
    const at::Tensor order = at::randperm(stride, generator, at::kLong);
    const int64_t count = std::min(stride, frames - first);
    const at::Tensor sources = order.narrow(0, 0, count) + (first - length);
    result.narrow(0, first, count).copy_(result.index_select(0, sources));
  }
  return result;
}

at::Tensor repeatFrames(const at::Tensor& noise, int64_t frames) {
  const at::Tensor sources = at::arange(frames).remainder_(noise.size(0));
  return noise.index_select(0, sources);
}

}  // namespace cameo::pipeline
