#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>

#include "samplers/level.h"
#include "samplers/noise_schedule.h"

namespace cameo::samplers {

/// The model's estimate for `x` at a level: one evaluation of the network.
using Model = std::function<Estimate(const at::Tensor& x, const Level& level)>;

/// Standard normal noise of the sample's shape, new at each call.
using Draw = std::function<at::Tensor()>;

/// The way from noise to a sample. One serves one request: it remembers what the model said before.
class Sampler {
 public:
  virtual ~Sampler() = default;

  virtual int64_t steps() const = 0;
  /// What standard normal noise is multiplied by to begin with.
  virtual double initialScale() const { return 1; }
  /// Where x is before step `index`, on the sampler's own scale. A run may begin at any step with an x of
  /// that level.
  virtual Level level(size_t index) const = 0;
  /// Whether how often a step asks the model depends on what it says.
  virtual bool choosesEvaluations() const { return false; }
  /// x after step `index`, counted from 0, of x before it; fp32, any shape. Asks `model` once or several
  /// times.
  virtual at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) = 0;

  const NoiseSchedule& schedule() const { return schedule_; }
  Parameterization parameterization() const { return {schedule_.config().prediction, clip_}; }

 protected:
  explicit Sampler(const ScheduleConfig& config, std::optional<double> clip = {})
      : schedule_(config), clip_(clip) {}

 private:
  NoiseSchedule schedule_;
  std::optional<double> clip_;
};

/// `clip_sample_range` where the config's `clip_sample` says so.
std::optional<double> readClip(const Config& config, bool fallback);

}  // namespace cameo::samplers
