#pragma once

#include <optional>
#include <vector>

#include "samplers/sampler.h"
#include "samplers/sigmas.h"

namespace cameo::samplers {

/// The defaults of the classes that have Stable Diffusion's betas.
inline const ScheduleConfig kStableDiffusionLinspace{
    .beta_start = 0.00085, .beta_end = 0.012, .spacing = Spacing::Linspace};

/// Which sigmas are taken.
struct ExplodingRange {
  int64_t steps = 0;
  std::optional<SigmaShape> shape = {};
  std::optional<double> smallest = {};  // else those of the spacing's timesteps
  std::optional<double> largest = {};
  bool log_linear = false;        // between the trained ones, in place of the spacing's timesteps
  bool ends_at_smallest = false;  // at the smallest trained one; else at none
  bool continuous_time = false;   // the network is told log(sigma) / 4, as EDM's models are
};

/// The fields of EulerDiscreteScheduler.
ExplodingRange readExplodingRange(const Config& config, int64_t steps);

/// `steps` levels and the one that the last step leads to.
std::vector<Level> explodingLevels(const NoiseSchedule& schedule, const ExplodingRange& range);

/// What noise is multiplied by to begin at these levels.
double explodingScale(const ScheduleConfig& config, const std::vector<Level>& levels);

/// What samplers on this scale that go from level to level have in common.
class ExplodingSampler : public Sampler {
 public:
  int64_t steps() const override { return std::ssize(levels_) - 1; }
  Level level(size_t index) const override { return levels_[index]; }
  double initialScale() const override { return initial_scale_; }

 protected:
  ExplodingSampler(const ScheduleConfig& config, const ExplodingRange& range, std::optional<double> clip = {})
      : Sampler(config, clip),
        levels_(explodingLevels(schedule(), range)),
        initial_scale_(explodingScale(config, levels_)) {}

  /// One more than steps.
  const std::vector<Level>& levels() const { return levels_; }

 private:
  std::vector<Level> levels_;
  double initial_scale_;
};

/// A step to sigma `down`, and fresh noise of deviation `up`, which together come to the wanted sigma.
struct Ancestral {
  double down, up;
};
Ancestral ancestral(double from, double to);

}  // namespace cameo::samplers
