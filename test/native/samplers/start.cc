#include <ATen/ATen.h>

#include "harness.h"
#include "samplers/samplers.h"

namespace cameo::test {

namespace {

/// For each step that a run may begin with: the level that the sampler names for it and the one at which it
/// asks first, (steps, 2, 3); and where a run from there ends, (steps, n), of a model that is sure of
/// `clean`.
Tensors startAnywhere(const Json& config, const Tensors& in) {
  const Json model_config = config.at("model");
  const samplers::SamplerChoice choice{.scheduler = config.at("scheduler")};
  const int64_t steps = config.at("steps");
  const at::Tensor clean = in.at("clean"), noise = in.at("noise");
  std::vector<at::Tensor> levels, ends;
  const auto row = [](const samplers::Level& level) {
    return at::tensor({level.time, level.signal, level.noise}, at::kDouble);
  };
  for (int64_t first = 0; first < steps; ++first) {
    const auto sampler = samplers::makeSampler(choice, model_config, steps);
    const samplers::Level start = sampler->level(first);
    std::vector<samplers::Level> asked;
    const samplers::Model model = [&](const at::Tensor& x, const samplers::Level& level) {
      asked.push_back(level);
      return samplers::Estimate{clean, (x - level.signal * clean) / level.noise};
    };
    at::Tensor x = samplers::mix({clean, noise}, start);
    for (int64_t i = first; i < sampler->steps(); ++i) {
      x = sampler->step(x, static_cast<size_t>(i), model, [&] { return noise.roll(1); });
    }
    levels.push_back(at::stack({row(start), row(asked.front())}));
    ends.push_back(x);
  }
  return {{"levels", at::stack(levels)}, {"ends", at::stack(ends)}};
}

}  // namespace

const bool kStartRegistered = addProbe("samplers.start", startAnywhere);

}  // namespace cameo::test
