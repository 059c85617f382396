#include "schedulers/scheduler.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "schedulers/ddim.h"

namespace cameo::schedulers {

at::Tensor Scheduler::predictClean(const at::Tensor& output, size_t index, const at::Tensor& sample) const {
  const double alpha = schedule_.alphaCumprod(timesteps_[index]);
  const double signal = std::sqrt(alpha), noise = std::sqrt(1 - alpha);
  const ScheduleConfig& config = schedule_.config();
  at::Tensor clean = output;
  if (config.prediction == Prediction::Epsilon) clean = (sample - noise * output) / signal;
  if (config.prediction == Prediction::VPrediction) clean = signal * sample - noise * output;
  return config.clip_sample ? clean.clamp(-config.clip_sample_range, config.clip_sample_range) : clean;
}

std::unique_ptr<Scheduler> makeScheduler(const std::string& name, const NoiseSchedule& schedule,
                                         int64_t steps) {
  if (name == "ddim") return std::make_unique<Ddim>(schedule, steps);
  throw Error(ErrorCode::InvalidOption, "scheduler: \"" + name + "\" is not known; \"ddim\" is");
}

}  // namespace cameo::schedulers
