#include "samplers/timesteps.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace cameo::samplers {

namespace {

/// T, T - T / steps, ..., less one, as NumPy rounds: half to even.
double trailing(int64_t last, int64_t train_timesteps, int64_t steps, int64_t i) {
  const double width = static_cast<double>(train_timesteps) / static_cast<double>(steps);
  return std::nearbyint(static_cast<double>(last) - static_cast<double>(i) * width) - 1;
}

double clamped(double timestep, const ScheduleConfig& config) {
  return std::clamp(timestep, 0.0, static_cast<double>(config.train_timesteps - 1));
}

}  // namespace

std::vector<double> spacedTimesteps(const ScheduleConfig& config, int64_t steps) {
  const int64_t T = config.train_timesteps;
  std::vector<double> result(steps);
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t from_clean = steps - 1 - i;
    switch (config.spacing) {
      case Spacing::Linspace: {
        const double width = steps == 1 ? 0 : static_cast<double>(T - 1) / static_cast<double>(steps - 1);
        result[i] = static_cast<double>(from_clean) * width;
        break;
      }
      case Spacing::Leading:
        result[i] = static_cast<double>(from_clean * (T / steps) + config.steps_offset);
        break;
      case Spacing::Trailing:
        result[i] = trailing(T, T, steps, i);
        break;
    }
    result[i] = clamped(result[i], config);
  }
  return result;
}

std::vector<int64_t> wholeTimesteps(const ScheduleConfig& config, int64_t steps) {
  std::vector<int64_t> result;
  for (const double timestep : spacedTimesteps(config, steps)) {
    result.push_back(static_cast<int64_t>(std::nearbyint(timestep)));
  }
  return result;
}

std::vector<int64_t> innerTimesteps(const ScheduleConfig& config, int64_t steps, int64_t last) {
  std::vector<int64_t> result(steps);
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t from_clean = steps - i;
    double timestep = 0;
    switch (config.spacing) {
      case Spacing::Linspace:
        timestep = std::nearbyint(static_cast<double>(from_clean) *
                                  (static_cast<double>(last - 1) / static_cast<double>(steps)));
        break;
      case Spacing::Leading:
        timestep = static_cast<double>(from_clean * (last / (steps + 1)) + config.steps_offset);
        break;
      case Spacing::Trailing:
        timestep = trailing(last, config.train_timesteps, steps, i);
        break;
    }
    result[i] = static_cast<int64_t>(clamped(timestep, config));
  }
  return result;
}

std::vector<int64_t> distilledTimesteps(const ScheduleConfig& config, int64_t steps, int64_t original) {
  if (steps > original) {
    throw Error(
        ErrorCode::InvalidOption,
        c10::str("steps: ", steps, " is not allowed; this model was distilled for at most ", original));
  }
  const int64_t stride = config.train_timesteps / original;
  std::vector<int64_t> result;
  for (int64_t i = 0; i < steps; ++i) {
    const auto skipped = static_cast<int64_t>(
        std::floor(static_cast<double>(i) * (static_cast<double>(original) / static_cast<double>(steps))));
    result.push_back((original - skipped) * stride - 1);
  }
  return result;
}

int64_t readDistilledSteps(const Config& config, const ScheduleConfig& schedule) {
  return config.integer("original_inference_steps", std::min<int64_t>(50, schedule.train_timesteps), 1,
                        schedule.train_timesteps);
}

void requireSomeSignal(const Config& config, const NoiseSchedule& schedule,
                       const std::vector<int64_t>& timesteps) {
  for (const int64_t timestep : timesteps) {
    if (schedule.alphaCumprod(timestep) > 0) continue;
    config.fail("rescale_betas_zero_snr",
                "this scheduler can't begin with noise alone: leave it out, or say zeroTerminalSnr: false");
  }
}

void requireSignalForEpsilon(const Config& config, const NoiseSchedule& schedule,
                             const std::vector<int64_t>& timesteps) {
  if (schedule.config().prediction == Prediction::Epsilon) requireSomeSignal(config, schedule, timesteps);
}

Level levelBelow(const NoiseSchedule& schedule, int64_t timestep, int64_t stride, bool alpha_to_one) {
  if (timestep - stride >= 0) return schedule.level(timestep - stride);
  return alpha_to_one ? Level{} : schedule.level(0);
}

}  // namespace cameo::samplers
