#include <ATen/ATen.h>

#include <cmath>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

/// Trajectory consistency distillation (arXiv 2402.19159), strategic stochastic sampling: each step leads to
/// a timestep below the next one, further below the larger `eta` (the paper's gamma), and noise leads up to
/// the next.
class Tcd : public Sampler {
 public:
  Tcd(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, kDistilled)),
        eta_(config.number("eta", 0.3, 0, 1)),
        timesteps_(
            distilledTimesteps(schedule().config(), steps, readDistilledSteps(config, schedule().config()))) {
    requireSignalForEpsilon(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const bool is_last = index + 1 == timesteps_.size();
    const int64_t next = is_last ? 0 : timesteps_[index + 1];
    const auto below = static_cast<int64_t>(std::floor((1 - eta_) * static_cast<double>(next)));
    const at::Tensor lower = mix(model(x, schedule().level(timesteps_[index])), schedule().level(below));
    if (eta_ == 0 || is_last) return lower;
    const double kept = schedule().alphaCumprod(next) / schedule().alphaCumprod(below);
    return std::sqrt(kept) * lower + std::sqrt(1 - kept) * draw();
  }

 private:
  double eta_;
  std::vector<int64_t> timesteps_;
};

}  // namespace

std::unique_ptr<Sampler> makeTcd(const Config& config, int64_t steps) {
  return std::make_unique<Tcd>(config, steps);
}

}  // namespace cameo::samplers
