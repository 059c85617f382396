#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "pipeline/request.h"
#include "samplers/noise_schedule.h"

namespace cameo::families {

/// What the network sees as references at each step, noised to timestep floor(alpha * t).
class NoisyReferences {
 public:
  /// `clean` (1, R, C, h, w), for so many branches, of which the first ones are unconditional and see zeros.
  NoisyReferences(const at::Tensor& clean, int64_t unconditional, int64_t branches,
                  const pipeline::SampleRequest& request, const samplers::NoiseSchedule& schedule);

  /// (branches, R, C, h, w) at `time`; `frames` (1, F, C, h, w) are the noisy latents of the video.
  at::Tensor at(double time, const at::Tensor& frames);

  /// Forgets what accumulated: another pass begins.
  void restart() { accumulated_ = ofBranches(clean_); }

 private:
  at::Tensor ofBranches(const at::Tensor& references) const;

  at::Tensor clean_;
  int64_t unconditional_;
  int64_t branches_;
  double alpha_;
  pipeline::ReferenceNoiseMode mode_;
  const samplers::NoiseSchedule& schedule_;
  at::Generator generator_;
  at::Tensor accumulated_;  // as released: what the last step left, of all branches
};

}  // namespace cameo::families
