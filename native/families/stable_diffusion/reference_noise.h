#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "pipeline/request.h"
#include "samplers/noise_schedule.h"

namespace cameo::families {

/// What the network sees as references at each step, noised to timestep floor(alpha * t).
class NoisyReferences {
 public:
  /// `clean` (1, R, C, h, w). With guidance there is an unconditional half before it, which sees zeros.
  NoisyReferences(const at::Tensor& clean, bool guided, const pipeline::SampleRequest& request,
                  const samplers::NoiseSchedule& schedule);

  /// (1 or 2, R, C, h, w) at `time`; `frames` (1, F, C, h, w) are the noisy latents of the video.
  at::Tensor at(double time, const at::Tensor& frames);

 private:
  at::Tensor withUnconditional(const at::Tensor& references) const;

  at::Tensor clean_;
  bool guided_;
  double alpha_;
  pipeline::ReferenceNoiseMode mode_;
  const samplers::NoiseSchedule& schedule_;
  at::Generator generator_;
  at::Tensor accumulated_;  // as released: what the last step left, both halves
};

}  // namespace cameo::families
