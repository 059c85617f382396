#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <numbers>

#include "core/rng.h"
#include "harness.h"
#include "samplers/likelihood.h"
#include "samplers/samplers.h"
#include "samplers/sigmas.h"

namespace cameo::test {

namespace {

using samplers::Estimate, samplers::Level;

/// A mixture of round Gaussians in the plane, whose score is known at every level.
struct Mixture {
  at::Tensor weights, means, deviations;  // (K), (K, 2), (K), fp64

  /// log p of (B, 2) on the exploding scale, for each of the parts: (B, K).
  at::Tensor logParts(const at::Tensor& x, double sigma) const {
    const at::Tensor variance = deviations.square() + sigma * sigma;
    const at::Tensor distance = (x.unsqueeze(1) - means).square().sum(2);
    return weights.log() - distance / (2 * variance) - (2 * std::numbers::pi * variance).log();
  }

  at::Tensor logDensity(const at::Tensor& x, double sigma) const { return logParts(x, sigma).logsumexp(1); }

  Estimate estimate(const at::Tensor& x, const Level& level) const {
    const double sigma = level.noise / level.signal;
    const at::Tensor exploding = x / level.signal, variance = deviations.square() + sigma * sigma;
    const at::Tensor shares = logParts(exploding, sigma).softmax(1).unsqueeze(2);
    const at::Tensor slopes = (exploding.unsqueeze(1) - means) / variance.unsqueeze(1);
    const at::Tensor noise = sigma * (shares * slopes).sum(1);  // minus sigma times the score
    return {exploding - sigma * noise, noise};
  }

  at::Tensor draw(int64_t count, const at::Generator& generator) const {
    const at::Tensor parts = at::multinomial(weights, count, /*replacement=*/true, generator);
    const at::Tensor noise = at::randn({count, 2}, generator, at::kDouble);
    return means.index_select(0, parts) + deviations.index_select(0, parts).unsqueeze(1) * noise;
  }
};

Mixture mixture() {
  return {at::tensor({0.5, 0.3, 0.2}, at::kDouble),
          at::tensor({1.2, 0.4, -0.9, 0.8, -0.3, -1.1}, at::kDouble).view({3, 2}),
          at::tensor({0.3, 0.5, 0.4}, at::kDouble)};
}

Json schedulerOf(const Json& config) {
  Json scheduler = config;
  for (const char* ours : {"steps", "count", "seed", "probes"}) scheduler.erase(ours);
  return scheduler;
}

struct Run {
  at::Tensor first, last;  // states at the first and last evaluation, or at the end
  Level from, to;
  at::Tensor end;
};

Run runSampler(const Json& config, const Mixture& data) {
  const Json scheduler = schedulerOf(config);
  const auto sampler = samplers::makeSampler({.scheduler = scheduler}, scheduler, config.at("steps"));
  const auto generator = makeGenerator(config.value("seed", 1), RandomStream::InitialNoise);
  const auto draw = [&] { return at::randn({config.value("count", 64), 2}, generator, at::kDouble); };
  Run run;
  const samplers::Model model = [&](const at::Tensor& x, const Level& level) {
    if (!run.first.defined()) run.first = x, run.from = level;
    run.last = x, run.to = level;
    return data.estimate(x, level);
  };
  at::Tensor x = draw() * sampler->initialScale();
  for (int64_t i = 0; i < sampler->steps(); ++i) x = sampler->step(x, static_cast<size_t>(i), model, draw);
  run.end = x;
  return run;
}

/// How far a deterministic sampler's state at its last evaluation is from where the probability flow leads
/// from its first one: the root of the mean square.
Tensors flowError(const Json& config, const Tensors&) {
  const Mixture data = mixture();
  const Run run = runSampler(config, data);
  const auto slope = [&](double sigma, const samplers::State& state) {
    return samplers::State{data.estimate(state[0], samplers::explodingLevel(0, sigma)).noise};
  };
  const at::Tensor exact = samplers::RungeKutta({1e-10, 1e-10})
                               .integrate(slope, {run.first / run.from.signal},
                                          run.from.noise / run.from.signal, run.to.noise / run.to.signal)[0];
  const at::Tensor error = run.last / run.to.signal - exact;
  return {{"error", error.square().mean().sqrt().view(1)}};
}

/// The mean and the covariance of a sampler's samples, and the data's.
Tensors moments(const Json& config, const Tensors&) {
  const Mixture data = mixture();
  const auto momentsOf = [](const at::Tensor& x) {
    const at::Tensor mean = x.mean(0), off = x - mean;
    return at::cat({mean, (off.t().matmul(off) / x.size(0)).flatten()});
  };
  const at::Tensor many = data.draw(400'000, makeGenerator(7, RandomStream::InitialNoise));
  return {{"sampled", momentsOf(runSampler(config, data).end)}, {"exact", momentsOf(many)}};
}

/// The likelihood of points of the mixture by the probability flow, and the exact one, nats each.
Tensors likelihood(const Json& config, const Tensors&) {
  const Mixture data = mixture();
  const int64_t count = config.at("count");
  const at::Generator generator = makeGenerator(11, RandomStream::InitialNoise);
  const at::Tensor x = data.draw(count, generator);
  std::vector<at::Tensor> probes;
  for (int64_t i = 0; i < config.at("probes"); ++i) {
    probes.push_back(at::randint(2, {count, 2}, generator, at::kDouble) * 2 - 1);
  }
  const samplers::NoiseSchedule schedule(
      samplers::ScheduleConfig::read(Config(schedulerOf(config), "scheduler")));
  const samplers::Model model = [&](const at::Tensor& at, const Level& level) {
    return data.estimate(at, level);
  };
  const at::Tensor found = samplers::logLikelihood(x, model, schedule, probes, {1e-6, 1e-6});
  const samplers::SigmaTable table(schedule);
  return {{"found", found}, {"exact", data.logDensity(x, table.smallest())}};
}

}  // namespace

const bool kFlowErrorRegistered = addProbe("samplers.flow_error", flowError);
const bool kMomentsRegistered = addProbe("samplers.moments", moments);
const bool kLikelihoodRegistered = addProbe("samplers.likelihood", likelihood);

}  // namespace cameo::test
