#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cameo::pipeline {

/// FreeInit (arXiv 2312.07537): a film is sampled several times, each time from the noise that holds what was
/// slow and large in the film before it, and is new in all else.
struct FreeInit {
  enum class Filter { Gaussian, Butterworth, Ideal };

  int64_t iterations = 1;  // 1: none, the film is sampled once
  Filter filter = Filter::Gaussian;
  double spatial_stop = 0.25;   // of the highest frequency, 0 to 1
  double temporal_stop = 0.25;  // the same over time
  int64_t order = 4;            // of the Butterworth filter
};

/// What of each frequency is kept, (F, 1, h, w), 0 to 1, in the order of at::fft_fftn. The numbers are
/// diffusers', which has the bound of "ideal" at a squared distance of twice the stop frequency.
at::Tensor lowPass(int64_t frames, int64_t height, int64_t width, const FreeInit& options);

/// `noisy`'s low frequencies with `fresh`'s high ones (equations 5 to 8); both (1, F, C, h, w), fp32.
at::Tensor mixFrequencies(const at::Tensor& noisy, const at::Tensor& fresh, const FreeInit& options);

}  // namespace cameo::pipeline
