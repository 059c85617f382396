#pragma once

#include <optional>
#include <vector>

#include "samplers/sigmas.h"

namespace cameo::samplers {

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

/// A step to sigma `down`, and fresh noise of deviation `up`, which together come to the wanted sigma.
struct Ancestral {
  double down, up;
};
Ancestral ancestral(double from, double to);

}  // namespace cameo::samplers
