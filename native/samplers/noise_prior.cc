#include "samplers/noise_prior.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cameo::samplers {

at::Tensor correlateFrames(const at::Tensor& noise, double correlation) {
  if (correlation == 0) return noise;
  const double own = std::sqrt(1 - correlation * correlation);
  std::vector<at::Tensor> frames{noise[0]};
  for (int64_t i = 1; i < noise.size(0); ++i) {
    frames.push_back(correlation * frames.back() + own * noise[i]);
  }
  return at::stack(frames);
}

}  // namespace cameo::samplers
