#include <ATen/ATen.h>

#include <cmath>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

/// As NumPy's arange and round have them: T, T - T / steps, ... above 0, less one.
std::vector<int64_t> trailingFromEnd(int64_t train_timesteps, int64_t steps) {
  const auto last = static_cast<double>(train_timesteps);
  const double width = last / static_cast<double>(steps);
  const auto count = static_cast<int64_t>(std::ceil(last / width));
  const double delta = (last - width) - last;
  std::vector<int64_t> result;
  for (int64_t i = 0; i < count; ++i) {
    result.push_back(static_cast<int64_t>(std::nearbyint(last + static_cast<double>(i) * delta)) - 1);
  }
  return result;
}

/// Every (T / steps)th one from `offset` on, of which there may be more than `steps`.
std::vector<int64_t> evenly(int64_t train_timesteps, int64_t steps, int64_t offset) {
  std::vector<int64_t> result;
  const int64_t width = train_timesteps / steps;
  for (int64_t t = (train_timesteps - 1) / width * width; t >= 0; t -= width) {
    result.push_back(std::min(t + offset, train_timesteps - 1));
  }
  return result;
}

std::vector<int64_t> visited(const ScheduleConfig& config, int64_t steps) {
  switch (config.spacing) {
    case Spacing::Leading:
      return evenly(config.train_timesteps, steps, config.steps_offset);
    case Spacing::Trailing:
      return trailingFromEnd(config.train_timesteps, steps);
    case Spacing::Linspace:
      break;
  }
  return wholeTimesteps(config, steps);
}

/// DDIM (arXiv 2010.02502) as the programs of latent video diffusion models have it: a step leads to the next
/// timestep that is visited, and the last one to the first trained one. Clean latents may be scaled less and
/// less on the way (DynamiCrafter's dynamic rescale), from `dynamic_rescale` to 1 at no noise.
class LvdmDdim : public Sampler {
 public:
  LvdmDdim(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, {.steps_offset = 1, .in_double = true})),
        eta_(config.number("eta", 0, 0, 1)),
        rescale_(config.number("dynamic_rescale", 1, 1e-3, 1)),
        rescale_steps_(config.integer("dynamic_rescale_steps", 400, 2)) {
    timesteps_ = visited(schedule().config(), steps);
    requireSignalForEpsilon(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const Level from = level(index);
    const bool is_last = index + 1 == timesteps_.size();
    Level to = schedule().level(is_last ? 0 : timesteps_[index + 1]);
    Estimate estimate = model(x, from);
    if (rescale_ != 1 && !is_last) {
      estimate.clean = estimate.clean * (scaleAt(timesteps_[index + 1]) / scaleAt(timesteps_[index]));
    }
    if (eta_ == 0) return mix(estimate, to);
    const double kept = from.signal * from.signal / (to.signal * to.signal);  // alpha_t / alpha_s
    const double fresh = eta_ * to.noise / from.noise * std::sqrt(std::max(1 - kept, 0.0));
    to.noise = std::sqrt(std::max(notFresh(to, fresh), 0.0F));
    return mix(estimate, to) + fresh * draw();
  }

 private:
  /// The variance of a level's noise without that of the fresh one. From noise alone with eta 1 nothing would
  /// be left; those programs compute in fp32, and have what rounding leaves: some 1e-4 of the deviation.
  static float notFresh(const Level& level, double fresh) {
    const auto signal = static_cast<float>(level.signal * level.signal);
    const auto deviation = static_cast<float>(fresh);
    return 1.0F - signal - deviation * deviation;
  }

  double scaleAt(int64_t timestep) const {
    const double way = static_cast<double>(timestep) / static_cast<double>(rescale_steps_ - 1);
    return way >= 1 ? rescale_ : 1 + way * (rescale_ - 1);
  }

  double eta_;
  double rescale_;
  int64_t rescale_steps_;
  std::vector<int64_t> timesteps_;
};

}  // namespace

std::unique_ptr<Sampler> makeLvdmDdim(const Config& config, int64_t steps) {
  return std::make_unique<LvdmDdim>(config, steps);
}

}  // namespace cameo::samplers
