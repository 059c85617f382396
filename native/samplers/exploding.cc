#include "samplers/exploding.h"

#include <algorithm>
#include <cmath>

#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

const std::map<std::string, bool> kIsLogLinear{{"linear", false}, {"log_linear", true}};
const std::map<std::string, bool> kIsContinuous{{"discrete", false}, {"continuous", true}};

/// The sigmas of the spacing, or those that `log_linear` puts in their place, of which there is one more.
std::vector<double> plainSigmas(const SigmaTable& table, const std::vector<double>& timesteps,
                                bool log_linear) {
  std::vector<double> sigmas;
  if (!log_linear) {
    for (const double timestep : timesteps) sigmas.push_back(table.at(timestep));
    return sigmas;
  }
  return shapedSigmas(SigmaShape::Exponential, table.smallest(), table.largest(), std::ssize(timesteps) + 1);
}

}  // namespace

ExplodingRange readExplodingRange(const Config& config, int64_t steps) {
  return {.steps = steps,
          .shape = readSigmaShape(config),
          .smallest = readSigma(config, "sigma_min"),
          .largest = readSigma(config, "sigma_max"),
          .log_linear = config.oneOf("interpolation_type", kIsLogLinear, false),
          .ends_at_smallest = readEndsAtSmallest(config),
          .continuous_time = config.oneOf("timestep_type", kIsContinuous, false)};
}

std::vector<Level> explodingLevels(const NoiseSchedule& schedule, const ExplodingRange& range) {
  const SigmaTable table(schedule);
  std::vector<double> times = spacedTimesteps(schedule.config(), range.steps);
  std::vector<double> sigmas = plainSigmas(table, times, range.log_linear);
  if (range.shape) {
    sigmas = shapedSigmas(*range.shape, range.smallest.value_or(sigmas.back()),
                          range.largest.value_or(sigmas.front()), range.steps);
    for (int64_t i = 0; i < range.steps; ++i) times[i] = table.timeOf(sigmas[i]);
  }
  sigmas.push_back(range.ends_at_smallest ? table.smallest() : 0);
  if (range.continuous_time && schedule.config().prediction == Prediction::VPrediction) {
    for (int64_t i = 0; i < range.steps; ++i) times[i] = std::log(sigmas[i]) / 4;
  }
  std::vector<Level> levels;
  for (int64_t i = 0; i < range.steps; ++i) levels.push_back(explodingLevel(times[i], sigmas[i]));
  levels.push_back(explodingLevel(0, sigmas[range.steps]));
  return levels;
}

double explodingScale(const ScheduleConfig& config, const std::vector<Level>& levels) {
  double largest = 0;
  for (const Level& level : levels) largest = std::max(largest, level.noise);
  return config.spacing == Spacing::Leading ? std::hypot(largest, 1) : largest;
}

Ancestral ancestral(double from, double to) {
  const double up = std::min(to, to / from * std::sqrt(std::max(from * from - to * to, 0.0)));
  return {std::sqrt(to * to - up * up), up};
}

}  // namespace cameo::samplers
