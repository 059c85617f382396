#include <ATen/ATen.h>

#include <cmath>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

constexpr double kDataDeviation = 0.5;

/// Latent consistency models (arXiv 2310.04378): each evaluation leads to a clean sample, to which noise is
/// added for the next.
class Lcm : public Sampler {
 public:
  Lcm(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, kDistilled), readClip(config, false)),
        time_scale_(config.number("timestep_scaling", 10, 1e-3, 1e6)),
        timesteps_(
            distilledTimesteps(schedule().config(), steps, readDistilledSteps(config, schedule().config()))) {
    requireSignalForEpsilon(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const Level from = schedule().level(timesteps_[index]);
    const double time = from.time * time_scale_, data = kDataDeviation * kDataDeviation;
    const double kept = data / (time * time + data), taken = time / std::sqrt(time * time + data);
    const at::Tensor clean = taken * model(x, from).clean + kept * x;
    if (index + 1 == timesteps_.size()) return clean;
    return mix({clean, draw()}, schedule().level(timesteps_[index + 1]));
  }

 private:
  double time_scale_;
  std::vector<int64_t> timesteps_;
};

}  // namespace

std::unique_ptr<Sampler> makeLcm(const Config& config, int64_t steps) {
  return std::make_unique<Lcm>(config, steps);
}

}  // namespace cameo::samplers
