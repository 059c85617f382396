#pragma once

#include <functional>

#include "pipeline/start.h"
#include "samplers/sampler.h"

namespace cameo::pipeline {

/// Called after each step, with how many of the run's are done; whether to go on.
using OnStep = std::function<bool(int64_t steps, const at::Tensor& latents)>;

/// What one evaluation of the model is asked.
struct Question {
  at::Tensor x;  // (1, F, C, h, w), on the sampler's scale
  samplers::Level level;
  int64_t step;  // of the run, counted from 0
};
using Answer = std::function<samplers::Estimate(const Question&)>;

/// A sampler's way from the latents that enter a run's first step, by what the model answers: the latents of
/// its last step, or of the step after which `onStep` said no.
at::Tensor walk(samplers::Sampler& sampler, const Start& start, at::Tensor latents,
                const samplers::Draw& draw, const Answer& answer, const OnStep& onStep);

}  // namespace cameo::pipeline
