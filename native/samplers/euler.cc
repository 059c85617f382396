#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "samplers/exploding.h"
#include "samplers/makers.h"

namespace cameo::samplers {

namespace {

/// Euler's method along the probability flow (arXiv 2206.00364, algorithm 1 without churn), on the exploding
/// scale or on flow matching's.
class Euler : public Sampler {
 public:
  Euler(const ScheduleConfig& config, std::vector<Level> levels, double initial_scale)
      : Sampler(config), levels_(std::move(levels)), initial_scale_(initial_scale) {}

  int64_t steps() const override { return std::ssize(levels_) - 1; }
  Level level(size_t index) const override { return levels_[index]; }
  double initialScale() const override { return initial_scale_; }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    return mix(model(x, levels_[index]), levels_[index + 1]);
  }

 private:
  std::vector<Level> levels_;
  double initial_scale_;
};

/// Euler's steps to less noise than is wanted, and fresh noise up to it (k-diffusion's ancestral sampling).
class EulerAncestral : public ExplodingSampler {
 public:
  EulerAncestral(const Config& config, int64_t steps)
      : ExplodingSampler(readDiffusionSchedule(config, kLinspace), {.steps = steps}) {}

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const Ancestral to = ancestral(levels()[index].noise, levels()[index + 1].noise);
    const at::Tensor lower = mix(model(x, levels()[index]), explodingLevel(0, to.down));
    return lower + to.up * draw();
  }
};

}  // namespace

std::unique_ptr<Sampler> makeEuler(const Config& config, int64_t steps) {
  const ScheduleConfig schedule = readDiffusionSchedule(config, kLinspace);
  const auto levels = explodingLevels(NoiseSchedule(schedule), readExplodingRange(config, steps));
  return std::make_unique<Euler>(schedule, levels, explodingScale(schedule, levels));
}

std::unique_ptr<Sampler> makeEulerAncestral(const Config& config, int64_t steps) {
  return std::make_unique<EulerAncestral>(config, steps);
}

std::unique_ptr<Sampler> makeFlowEuler(const Config& config, int64_t steps) {
  const ScheduleConfig schedule =
      ScheduleConfig::read(config, {.spaced = false, .prediction = Prediction::Flow});
  if (schedule.prediction != Prediction::Flow) {
    config.fail("prediction_type", "flow-euler is for models of flow matching; choose another scheduler");
  }
  // A model whose own scheduler is another one says it by that one's name.
  const double shift = config.number("shift", config.number("flow_shift", 1, kLeastShift, kMostShift),
                                     kLeastShift, kMostShift);
  config.boolean("use_flow_sigmas", true);
  const std::optional<SigmaShape> shape = readSigmaShape(config);
  config.requireUnset("rescale_betas_zero_snr");  // sigma begins at 1 anyway
  config.requireUnset("use_dynamic_shifting");
  config.requireUnset("invert_sigmas");
  config.requireUnset("stochastic_sampling");
  config.requireUnset("shift_terminal");
  const auto T = static_cast<double>(schedule.train_timesteps);
  // The range is shifted once, and what is taken of it once more, as in diffusers.
  const double most = shifted(1, shift), least = shifted(1 / T, shift);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < steps; ++i) {
    const double part = steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(steps - 1);
    sigmas.push_back(shifted(most + part * (least - most), shift));
  }
  if (shape) sigmas = shapedSigmas(*shape, sigmas.back(), sigmas.front(), steps);
  std::vector<Level> levels;
  for (const double sigma : sigmas) levels.push_back(flowLevel(sigma * T, sigma));
  levels.push_back(flowLevel(0, 0));
  return std::make_unique<Euler>(schedule, levels, 1);
}

}  // namespace cameo::samplers
