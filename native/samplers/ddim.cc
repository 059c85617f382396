#include <ATen/ATen.h>

#include <cmath>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

struct DdimOptions {
  std::optional<double> clip = {};
  double eta = 0;
  bool alpha_to_one = true;
};

/// Denoising Diffusion Implicit Models (arXiv 2010.02502), equation 12: deterministic with eta = 0, DDPM's
/// posterior with eta = 1.
class Ddim : public Sampler {
 public:
  Ddim(const Config& config, int64_t steps, const ScheduleConfig& schedule_config, const DdimOptions& options)
      : Sampler(schedule_config, options.clip),
        eta_(options.eta),
        alpha_to_one_(options.alpha_to_one),
        timesteps_(wholeTimesteps(schedule().config(), steps)) {
    requireSignalForEpsilon(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const Level from = schedule().level(timesteps_[index]);
    Level to = levelBelow(schedule(), timesteps_[index], schedule().config().train_timesteps / steps(),
                          alpha_to_one_);
    const Estimate estimate = model(x, from);
    if (eta_ == 0) return mix(estimate, to);
    const double kept = from.signal * from.signal / (to.signal * to.signal);  // alpha_t / alpha_s
    const double fresh = eta_ * to.noise / from.noise * std::sqrt(std::max(1 - kept, 0.0));
    to.noise = std::sqrt(std::max(to.noise * to.noise - fresh * fresh, 0.0));
    return mix(estimate, to) + fresh * draw();
  }

 private:
  double eta_;
  bool alpha_to_one_;
  std::vector<int64_t> timesteps_;
};

}  // namespace

std::unique_ptr<Sampler> makeDdim(const Config& config, int64_t steps) {
  const ScheduleConfig schedule = readDiffusionSchedule(config);
  return std::make_unique<Ddim>(config, steps, schedule,
                                DdimOptions{.clip = readClip(config, true),
                                            .eta = config.number("eta", 0, 0, 1),
                                            .alpha_to_one = config.boolean("set_alpha_to_one", true)});
}

std::unique_ptr<Sampler> makeCogVideoXDdim(const Config& config, int64_t steps) {
  const ScheduleConfig schedule = readDiffusionSchedule(config, kCogVideoX);
  config.requireUnset("clip_sample");  // diffusers' class has the field and does nothing with it
  return std::make_unique<Ddim>(config, steps, schedule,
                                DdimOptions{.alpha_to_one = config.boolean("set_alpha_to_one", true)});
}

}  // namespace cameo::samplers
