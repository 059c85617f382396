#pragma once

#include <memory>
#include <string>

#include "schedulers/noise_schedule.h"

namespace cameo::schedulers {

/// A sampler: which timesteps it visits, and how it goes from one to the next.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  const NoiseSchedule& schedule() const { return schedule_; }
  const std::vector<int64_t>& timesteps() const { return timesteps_; }

  /// x_(t-1) of x_t and the network's output at step `index`; fp32, any shape.
  virtual at::Tensor step(const at::Tensor& output, size_t index, const at::Tensor& sample) const = 0;

  /// x_0 as the network's output at step `index` has it.
  at::Tensor predictClean(const at::Tensor& output, size_t index, const at::Tensor& sample) const;

 protected:
  Scheduler(const NoiseSchedule& schedule, int64_t steps)
      : schedule_(schedule), timesteps_(schedule.timesteps(steps)) {}

  const NoiseSchedule schedule_;
  const std::vector<int64_t> timesteps_;
};

/// Names: "ddim". Throws `ErrorCode::InvalidOption` for another.
std::unique_ptr<Scheduler> makeScheduler(const std::string& name, const NoiseSchedule& schedule,
                                         int64_t steps);

}  // namespace cameo::schedulers
