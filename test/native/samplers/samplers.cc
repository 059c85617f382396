#include <ATen/ATen.h>

#include "harness.h"
#include "samplers/noise_prior.h"
#include "samplers/samplers.h"

namespace cameo::test {

namespace {

/// A stand-in for a network: bent, and of its input and the time.
at::Tensor toyNetwork(const at::Tensor& x, double time) {
  return (x * 1.5 + time / 400).sin() - 0.3 * x;
}

/// A sampler's states after each evaluation, with the given noise. With "noise_pred", the network's outputs
/// one after another; else the toy network.
Tensors run(const Json& config, const Tensors& in) {
  Json scheduler = config;
  scheduler.erase("steps");
  const auto sampler = samplers::makeSampler({.scheduler = scheduler}, scheduler, config.at("steps"));
  const auto parameterization = sampler->parameterization();
  std::vector<at::Tensor> states;
  std::vector<double> times;
  int64_t evaluations = 0, draws = 0;
  const samplers::Model model = [&](const at::Tensor& x, const samplers::Level& level) {
    if (evaluations > 0) states.push_back(x);
    times.push_back(level.time);
    const at::Tensor output =
        in.count("noise_pred") != 0
            ? in.at("noise_pred")[evaluations]
            : toyNetwork(samplers::networkInput(parameterization, x, level), level.time);
    ++evaluations;
    return samplers::estimate(parameterization, x, output, level);
  };
  const samplers::Draw draw = [&] { return in.at("draws")[draws++]; };
  at::Tensor x = in.at("x") * sampler->initialScale();
  for (int64_t i = 0; i < sampler->steps(); ++i) x = sampler->step(x, static_cast<size_t>(i), model, draw);
  states.push_back(x);
  const at::Tensor timesteps = at::tensor(times, at::kDouble);
  return {{"timesteps", timesteps}, {"latents", at::stack(states)}};
}

Tensors loopNoise(const Json& config, const Tensors& in) {
  return {{"noise", samplers::correlateLoop(in.at("noise"), config.at("correlation"))}};
}

Tensors correlatedNoise(const Json& config, const Tensors& in) {
  return {{"noise", samplers::correlateFrames(in.at("noise"), config.at("correlation"))}};
}

}  // namespace

const bool kSamplersRegistered =
    addProbe("samplers.run", run) && addProbe("samplers.noise_prior", correlatedNoise);
const bool kLoopNoiseRegistered = addProbe("samplers.loop_noise", loopNoise);

}  // namespace cameo::test
