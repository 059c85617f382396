#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/config.h"

namespace cameo::schedulers {

enum class Prediction { Epsilon, VPrediction, Sample };
enum class Spacing { Linspace, Leading, Trailing };

/// A diffusers scheduler config: the betas, which timesteps are taken and what the network predicts.
struct ScheduleConfig {
  int64_t train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::string beta_schedule = "linear";  // "linear" | "scaled_linear" | "squaredcos_cap_v2"
  Spacing spacing = Spacing::Linspace;
  int64_t steps_offset = 1;
  bool set_alpha_to_one = false;
  Prediction prediction = Prediction::Epsilon;
  bool clip_sample = false;
  double clip_sample_range = 1;
  bool rescale_betas_zero_snr = false;

  /// Absent fields take the defaults of diffusers' DDIMScheduler. Throws `ErrorCode::WeightsFormat`.
  static ScheduleConfig read(const Config& config);
};

/// The forward process x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) eps, with alpha_t the cumulative product.
class NoiseSchedule {
 public:
  explicit NoiseSchedule(const ScheduleConfig& config);

  double alphaCumprod(int64_t timestep) const { return alphas_cumprod_[timestep]; }
  /// alpha_t for each of `timesteps` (B), int64 -> (B), fp32.
  at::Tensor alphaCumprod(const at::Tensor& timesteps) const;
  /// `steps` timesteps, falling. Throws `ErrorCode::InvalidOption` for more steps than were trained.
  std::vector<int64_t> timesteps(int64_t steps) const;

  /// x_t of `clean` and `noise`.
  at::Tensor addNoise(const at::Tensor& clean, const at::Tensor& noise, int64_t timestep) const;

  const ScheduleConfig& config() const { return config_; }

 private:
  ScheduleConfig config_;
  std::vector<float> alphas_cumprod_;  // fp32 as in PyTorch, so that rounding is the same
};

/// x_t of `clean` and `noise` for alpha_t = `alpha`, which broadcasts against them.
at::Tensor addNoise(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& alpha);

}  // namespace cameo::schedulers
