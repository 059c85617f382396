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

at::Tensor correlateLoop(const at::Tensor& noise, double correlation) {
  if (correlation == 0) return noise;
  const int64_t frames = noise.size(0);
  const at::Tensor places = at::arange(frames, at::kDouble);
  const at::Tensor apart = at::minimum(places, static_cast<double>(frames) - places);
  // What the covariance of frames in a circle is the square of is a circle's, too.
  const at::Tensor spectrum = at::real(at::fft_fft(at::pow(correlation, apart))).clamp_min(0);
  const at::Tensor shares = at::real(at::fft_ifft(spectrum.sqrt()));
  const at::Tensor from = (places.unsqueeze(1) - places).remainder(frames).to(at::kLong);
  const at::Tensor mixing = shares.index_select(0, from.flatten()).view({frames, frames}).to(noise.options());
  return at::mm(mixing, noise.flatten(1)).view(noise.sizes());
}

}  // namespace cameo::samplers
