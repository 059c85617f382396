#pragma once

#include <vector>

#include "samplers/noise_schedule.h"

namespace cameo::samplers {

/// The `steps` timesteps that the config's spacing takes, falling, from the noisiest; linspace's lie between
/// trained ones.
std::vector<double> spacedTimesteps(const ScheduleConfig& config, int64_t steps);

/// The same, each rounded to a trained one.
std::vector<int64_t> wholeTimesteps(const ScheduleConfig& config, int64_t steps);

/// Of solvers that end at a clean sample: as if there were one step more, which is left out. `last`: how many
/// of the trained timesteps are used.
std::vector<int64_t> innerTimesteps(const ScheduleConfig& config, int64_t steps, int64_t last);

/// The defaults of distilled models' classes.
inline const ScheduleConfig kDistilled{
    .beta_start = 0.00085, .beta_end = 0.012, .beta_schedule = "scaled_linear", .spaced = false};

/// Of distilled models (LCM, TCD): some of the `original` evenly spaced ones that the model was distilled
/// for. Throws `ErrorCode::InvalidOption` for more steps than those.
std::vector<int64_t> distilledTimesteps(const ScheduleConfig& config, int64_t steps, int64_t original);

/// `original_inference_steps` of a distilled model's config.
int64_t readDistilledSteps(const Config& config, const ScheduleConfig& schedule);

/// Complains of a timestep of noise alone, for samplers that divide by its signal.
void requireSomeSignal(const Config& config, const NoiseSchedule& schedule,
                       const std::vector<int64_t>& timesteps);

/// The same where the network predicts the noise: the clean sample would be that divided by 0.
void requireSignalForEpsilon(const Config& config, const NoiseSchedule& schedule,
                             const std::vector<int64_t>& timesteps);

/// The level `stride` timesteps below `timestep`; below the first one it is clean with `alpha_to_one`, else
/// the first one's.
Level levelBelow(const NoiseSchedule& schedule, int64_t timestep, int64_t stride, bool alpha_to_one);

}  // namespace cameo::samplers
