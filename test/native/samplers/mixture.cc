#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>

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

  /// log p of (B, 2) at a level, for each of the parts: (B, K).
  at::Tensor logParts(const at::Tensor& x, const Level& level) const {
    const at::Tensor distance = (x.unsqueeze(1) - level.signal * means).square().sum(2);
    const at::Tensor variance = varianceAt(level);
    return weights.log() - distance / (2 * variance) - (2 * std::numbers::pi * variance).log();
  }

  at::Tensor logDensity(const at::Tensor& x, const Level& level) const {
    return logParts(x, level).logsumexp(1);
  }

  Estimate estimate(const at::Tensor& x, const Level& level) const {
    const at::Tensor shares = logParts(x, level).softmax(1).unsqueeze(2);
    const at::Tensor slopes = (x.unsqueeze(1) - level.signal * means) / varianceAt(level).unsqueeze(1);
    const at::Tensor pull = level.signal * deviations.square().unsqueeze(1);
    return {(shares * (means + pull * slopes)).sum(1), level.noise * (shares * slopes).sum(1)};
  }

  at::Tensor draw(int64_t count, const at::Generator& generator) const {
    const at::Tensor parts = at::multinomial(weights, count, /*replacement=*/true, generator);
    const at::Tensor noise = at::randn({count, 2}, generator, at::kDouble);
    return means.index_select(0, parts) + deviations.index_select(0, parts).unsqueeze(1) * noise;
  }

 private:
  at::Tensor varianceAt(const Level& level) const {
    return level.signal * level.signal * deviations.square() + level.noise * level.noise;
  }
};

Mixture mixture() {
  return {at::tensor({0.5, 0.3, 0.2}, at::kDouble),
          at::tensor({1.2, 0.4, -0.9, 0.8, -0.3, -1.1}, at::kDouble).view({3, 2}),
          at::tensor({0.3, 0.5, 0.4}, at::kDouble)};
}

/// The scheduler config's fields among a probe's.
Json fieldsOf(const Json& config) {
  Json fields = config;
  for (const char* ours : {"sampler", "steps", "count", "probes", "largest", "smallest"}) fields.erase(ours);
  return fields;
}

/// A sample before a step, on the exploding scale, and the sigma at which the step first asks the model.
struct Place {
  at::Tensor x;
  double sigma = 0;
};

struct Run {
  std::vector<Place> places;
  int64_t evaluations = 0;
  at::Tensor end;
};

Run runSampler(const Json& config, const Mixture& data, int64_t steps) {
  const auto sampler = samplers::makeSampler(
      {.scheduler = config.at("sampler"), .options = {{"fields", fieldsOf(config)}}}, Json::object(), steps);
  const auto generator = makeGenerator(1, RandomStream::InitialNoise);
  const auto draw = [&] { return at::randn({config.at("count").get<int64_t>(), 2}, generator, at::kDouble); };
  Run run;
  run.end = draw() * sampler->initialScale();
  for (int64_t i = 0; i < sampler->steps(); ++i) {
    const at::Tensor x = run.end;
    const auto before = std::ssize(run.places);
    const samplers::Model model = [&](const at::Tensor& at, const Level& level) {
      if (std::ssize(run.places) == before) {
        run.places.push_back({x / level.signal, level.noise / level.signal});
      }
      ++run.evaluations;
      return data.estimate(at, level);
    };
    run.end = sampler->step(x, static_cast<size_t>(i), model, draw);
  }
  return run;
}

/// Where the probability flow leads.
at::Tensor flow(const Mixture& data, const Place& from, double to) {
  const auto slope = [&](double sigma, const samplers::State& state) {
    return samplers::State{data.estimate(state[0], samplers::explodingLevel(0, sigma)).noise};
  };
  return samplers::RungeKutta({1e-9, 1e-9}).integrate(slope, {from.x}, from.sigma, to)[0];
}

/// For each of `steps`, how far a deterministic sampler is from where the probability flow leads: the root of
/// the mean square, between the first and the last step whose sigma is from `smallest` to `largest`; and the
/// evaluations of the model.
Tensors flowError(const Json& config, const Tensors&) {
  const Mixture data = mixture();
  std::vector<double> errors, evaluations;
  Place from, exact;
  for (const int64_t steps : config.at("steps")) {
    const Run run = runSampler(config, data, steps);
    std::vector<Place> places;
    for (const Place& place : run.places) {
      if (place.sigma <= config.value("largest", 1e9) && place.sigma >= config.value("smallest", 0.0)) {
        places.push_back(place);
      }
    }
    const Place &first = places.front(), &last = places.back();
    if (first.sigma != from.sigma || last.sigma != exact.sigma || !first.x.equal(from.x)) {
      from = first;
      exact = {flow(data, first, last.sigma), last.sigma};
    }
    errors.push_back((last.x - exact.x).square().mean().sqrt().item<double>());
    evaluations.push_back(static_cast<double>(run.evaluations));
  }
  return {{"errors", at::tensor(errors, at::kDouble)}, {"evaluations", at::tensor(evaluations, at::kDouble)}};
}

/// The mean and the covariance of a sampler's samples, and the data's: 2 and 2 x 2 numbers.
Tensors moments(const Json& config, const Tensors&) {
  const Mixture data = mixture();
  const at::Tensor x = runSampler(config, data, config.at("steps")).end;
  const at::Tensor mean = x.mean(0), off = x - mean;
  const at::Tensor covariance = off.t().matmul(off) / x.size(0);
  const at::Tensor weights = data.weights.unsqueeze(1), exact = (weights * data.means).sum(0);
  const at::Tensor apart = data.means - exact;
  const at::Tensor round = (data.weights * data.deviations.square()).sum() * at::eye(2, at::kDouble);
  const at::Tensor exact_covariance = (weights * apart).t().matmul(apart) + round;
  return {{"sampled", at::cat({mean, covariance.flatten()})},
          {"exact", at::cat({exact, exact_covariance.flatten()})}};
}

/// The likelihood of points of the mixture by the probability flow, with random probes and without chance,
/// and the exact one, nats each.
Tensors likelihood(const Json& config, const Tensors&) {
  const Mixture data = [] {
    const c10::InferenceMode off(false);  // autograd saves its tensors, as it does a model's weights
    return mixture();
  }();
  const int64_t count = config.at("count");
  const at::Generator generator = makeGenerator(11, RandomStream::InitialNoise);
  const at::Tensor x = data.draw(count, generator);
  std::vector<at::Tensor> probes;
  for (int64_t i = 0; i < config.at("probes"); ++i) {
    probes.push_back(at::randint(2, {count, 2}, generator, at::kDouble) * 2 - 1);
  }
  const at::Tensor ones = at::ones({count, 2}, at::kDouble);
  const samplers::NoiseSchedule schedule(
      samplers::ScheduleConfig::read(Config(fieldsOf(config), "scheduler")));
  const samplers::Model model = [&](const at::Tensor& at, const Level& level) {
    return data.estimate(at, level);
  };
  const auto found = [&](const std::vector<at::Tensor>& along) {
    return samplers::logLikelihood(x, model, schedule, along, {1e-6, 1e-6});
  };
  const double smallest = samplers::SigmaTable(schedule).smallest();
  return {{"estimated", found(probes)},
          // Along orthogonal probes the divergence has no chance in it.
          {"found", found({ones, ones * at::tensor({1, -1}, at::kDouble)})},
          {"exact", data.logDensity(x, samplers::explodingLevel(0, smallest))}};
}

}  // namespace

const bool kFlowErrorRegistered = addProbe("samplers.flow_error", flowError);
const bool kMomentsRegistered = addProbe("samplers.moments", moments);
const bool kLikelihoodRegistered = addProbe("samplers.likelihood", likelihood);

}  // namespace cameo::test
