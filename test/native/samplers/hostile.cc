#include <ATen/ATen.h>

#include <stdexcept>

#include "core/rng.h"
#include "harness.h"
#include "samplers/samplers.h"

namespace cameo::test {

namespace {

constexpr int64_t kMostEvaluations = 20'000;

/// What a sampler of `scheduler` makes of noise in `steps`, by a network whose output is bounded: "x", and
/// the number of "evaluations". More than any sampler should need is a failure of the test, not a
/// cameo::Error.
Tensors sampleByHostileConfig(const Json& config, const Tensors&) {
  const auto sampler =
      samplers::makeSampler({.scheduler = config.at("scheduler")}, Json::object(), config.at("steps"));
  const auto parameterization = sampler->parameterization();
  int64_t evaluations = 0;
  const samplers::Model model = [&](const at::Tensor& x, const samplers::Level& level) {
    if (++evaluations > kMostEvaluations) throw std::runtime_error("the sampler does not end");
    const at::Tensor input = samplers::networkInput(parameterization, x, level);
    return samplers::estimate(parameterization, x, (input * 1.5 + level.time / 400).sin(), level);
  };
  const at::Generator generator = makeGenerator(1, RandomStream::InitialNoise);
  const samplers::Draw draw = [&] { return drawNormal({1, 2, 2}, generator); };
  at::Tensor x = draw() * sampler->initialScale();
  for (int64_t i = 0; i < sampler->steps(); ++i) x = sampler->step(x, static_cast<size_t>(i), model, draw);
  return {{"x", x}, {"evaluations", at::tensor(evaluations, at::kLong)}};
}

}  // namespace

const bool kHostileRegistered = addProbe("samplers.hostile", sampleByHostileConfig);

}  // namespace cameo::test
