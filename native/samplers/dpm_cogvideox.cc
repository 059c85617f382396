#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

/// DPM-Solver++ (2M) for the SDE (arXiv 2211.01095) with diffusers' stride: a step leads to the timestep a
/// whole stride below, which need not be the next one.
class CogVideoXDpm : public Sampler {
 public:
  CogVideoXDpm(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, kCogVideoX)),
        alpha_to_one_(config.boolean("set_alpha_to_one", true)),
        timesteps_(wholeTimesteps(schedule().config(), steps)) {
    config.requireUnset("clip_sample");  // diffusers' class has the field and does nothing with it
    requireSignalForEpsilon(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const int64_t stride = schedule().config().train_timesteps / steps();
    const Level from = level(index), to = levelBelow(schedule(), timesteps_[index], stride, alpha_to_one_);
    const double h = logSnr(to) - logSnr(from);
    const at::Tensor clean = model(x, from).clean, before = std::exchange(clean_before_, clean);
    at::Tensor noise = draw(), extrapolated = clean;
    // A spacing may take a timestep twice.
    const bool has_before = before.defined() && timesteps_[index - 1] != timesteps_[index];
    if (has_before && timesteps_[index] >= stride) {
      // Of diffusers' two draws the first goes unused here.
      noise = draw();
      const double half = h / (2 * (logSnr(from) - logSnr(level(index - 1))));
      extrapolated = (1 + half) * clean - half * before;
    }
    const double kept = to.noise / from.noise * std::exp(-h), gained = -to.signal * std::expm1(-2 * h);
    const double fresh = to.noise * std::sqrt(-std::expm1(-2 * h));
    return kept * x + gained * extrapolated + fresh * noise;
  }

 private:
  bool alpha_to_one_;
  std::vector<int64_t> timesteps_;
  at::Tensor clean_before_;  // as the model took it at the step before; undefined at the first
};

}  // namespace

std::unique_ptr<Sampler> makeCogVideoXDpm(const Config& config, int64_t steps) {
  return std::make_unique<CogVideoXDpm>(config, steps);
}

}  // namespace cameo::samplers
