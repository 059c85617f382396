#include "pipeline/free_init.h"

#include <ATen/ATen.h>

namespace cameo::pipeline {

namespace {

/// Where each frequency of an axis is between the lowest, 0, and the highest, -1 and 1.
at::Tensor positions(int64_t size) {
  const at::Tensor rising = at::arange(size, at::kDouble).mul_(2.0 / static_cast<double>(size)).sub_(1);
  return at::fft_ifftshift(rising);
}

}  // namespace

at::Tensor lowPass(int64_t frames, int64_t height, int64_t width, const FreeInit& options) {
  const double stop = options.spatial_stop;
  if (stop == 0 || options.temporal_stop == 0) return at::zeros({frames, 1, height, width});
  const at::Tensor squared = (positions(frames) * (stop / options.temporal_stop)).square().view({-1, 1, 1}) +
                             positions(height).square().view({-1, 1}) + positions(width).square();
  const auto kept = [&]() -> at::Tensor {
    switch (options.filter) {
      case FreeInit::Filter::Gaussian:
        return at::exp(squared / (-2 * stop * stop));
      case FreeInit::Filter::Butterworth:
        return 1 / (1 + (squared / (stop * stop)).pow(options.order));
      case FreeInit::Filter::Ideal:
        return squared.le(2 * stop);
    }
    return {};
  }();
  return kept.to(at::kFloat).unsqueeze(1);
}

at::Tensor mixFrequencies(const at::Tensor& noisy, const at::Tensor& fresh, const FreeInit& options) {
  const at::Tensor kept =
      lowPass(noisy.size(1), noisy.size(3), noisy.size(4), options).to(noisy.device()).unsqueeze(0);
  const auto spectrum = [](const at::Tensor& x) { return at::fft_fftn(x, std::nullopt, {{1, 3, 4}}); };
  const at::Tensor mixed = spectrum(noisy) * kept + spectrum(fresh) * (1 - kept);
  return at::real(at::fft_ifftn(mixed, std::nullopt, {{1, 3, 4}})).contiguous();
}

}  // namespace cameo::pipeline
