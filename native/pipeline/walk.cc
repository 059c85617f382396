#include "pipeline/walk.h"

#include <optional>
#include <utility>

namespace cameo::pipeline {

at::Tensor walk(samplers::Sampler& sampler, const Start& start, at::Tensor latents,
                const samplers::Draw& draw, const Answer& answer, const OnStep& onStep) {
  const int64_t steps = sampler.steps() - start.step;
  for (int64_t step = 0; step < steps; ++step) {
    bool begins_step = true;
    const samplers::Model model = [&](const at::Tensor& given, const samplers::Level& level) {
      // What enters a step is as the last one left it.
      return answer({std::exchange(begins_step, false) ? given : start.held(given, level), level, step});
    };
    const int64_t index = start.step + step, next = index + 1;
    latents = sampler.step(latents, static_cast<size_t>(index), model, draw);
    latents = start.held(latents, next == sampler.steps()
                                      ? std::nullopt
                                      : std::optional(sampler.level(static_cast<size_t>(next))));
    if (!onStep(step + 1, latents)) break;
  }
  return latents;
}

}  // namespace cameo::pipeline
