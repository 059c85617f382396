#pragma once

#include <functional>
#include <vector>

#include "pipeline/denoiser.h"
#include "pipeline/request.h"

namespace cameo::pipeline {

/// How a denoiser's branches become one prediction.
struct Guidance {
  std::vector<GuidanceScale> scales;  // from each branch but the last to the next
  double rescale = 0;           // 0 to 1: how far the deviation is brought back to that of the last branch
  ScheduleRange range = {};     // of the schedule; outside of it the last branch alone is taken
  bool dynamic = false;         // scales go by a cosine over the timestep: CogVideoX's `use_dynamic_cfg`
  bool branches_apart = false;  // computed one after another, for less memory
  ContextWindows context = {};  // of latents
  int64_t leading = 0, trailing = 0;  // latents before and after the film's
};

/// What the network took and gave in one evaluation, fp32.
struct Evaluation {
  at::Tensor input;   // (branches, F+R, C', h, w)
  at::Tensor output;  // (branches, F+R, C, h, w)
};
using OnEvaluation = std::function<void(const Evaluation&)>;

/// The guided prediction for `latents` (1, F, C, h, w), of the same shape, fp32: b_0 + sum over i of scale_i
/// (b_(i+1) - b_i), which with two branches is classifier-free guidance (arXiv 2207.12598, equation 6).
at::Tensor predict(Denoiser& denoiser, const Guidance& guidance, const at::Tensor& latents,
                   const Moment& moment, const OnEvaluation& onEvaluation);

}  // namespace cameo::pipeline
