#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "pipeline/request.h"
#include "pipeline/walk.h"

namespace cameo::pipeline {

using MakeSampler = std::function<std::unique_ptr<samplers::Sampler>()>;
/// The model's outputs for several questions, in their order.
using EvaluateAll = std::function<std::vector<at::Tensor>(const std::vector<Question>&)>;
/// Called after each round, with how many steps are done, of the run's last question that is settled.
using OnRound = std::function<void(int64_t steps, const samplers::Estimate& estimate)>;

/// What a run in parallel came to.
struct ParallelRun {
  at::Tensor latents;               // (1, F, C, h, w), of the last step
  std::vector<Question> questions;  // all that were evaluated, as the last walk led to them
  int64_t rounds = 0;               // in each of which up to `window` evaluations were made
};

/// ParaDiGMS (arXiv 2305.16317): Picard's iteration over a window of evaluations that slides along the run.
/// Each round evaluates the window's inputs at once and walks the whole way again by the outputs there are;
/// an input that moved no further than the tolerance is settled. Unlike in the paper, the sampler's own step
/// is taken with the older output, not its change with the older input: any sampler can be walked, whatever
/// it remembers, and a tolerance of 0 leads to the sequential run's result to the bit. `makeSampler` gives
/// one that has walked nowhere, and each draw's noise is the same in all rounds.
ParallelRun walkInParallel(const MakeSampler& makeSampler, const Start& start, const samplers::Draw& draw,
                           const ParallelSteps& how, const EvaluateAll& evaluateAll, const OnRound& onRound);

}  // namespace cameo::pipeline
