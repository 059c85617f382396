#pragma once

#include "schedulers/scheduler.h"

namespace cameo::schedulers {

/// Denoising Diffusion Implicit Models (arXiv 2010.02502), equation 12 with eta = 0: deterministic.
class Ddim : public Scheduler {
 public:
  Ddim(const NoiseSchedule& schedule, int64_t steps) : Scheduler(schedule, steps) {}

  at::Tensor step(const at::Tensor& output, size_t index, const at::Tensor& sample) const override;

 private:
  double previousAlpha(size_t index) const;
};

}  // namespace cameo::schedulers
