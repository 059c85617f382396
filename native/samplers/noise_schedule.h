#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "samplers/level.h"

namespace cameo::samplers {

/// Which of the trained timesteps are visited (arXiv 2305.08891, table 2).
enum class Spacing { Linspace, Leading, Trailing };

/// The part of a diffusers scheduler config that all samplers share: the betas, which timesteps are taken and
/// what the network predicts. Its values here are the defaults of most of diffusers' classes.
struct ScheduleConfig {
  int64_t train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::vector<double> trained_betas = {};  // in place of all of these, where there are any
  Spacing spacing = Spacing::Leading;
  int64_t steps_offset = 0;
  bool spaced = true;  // whether spacing and offset mean anything; else they are not read
  Prediction prediction = Prediction::Epsilon;
  bool rescale_betas_zero_snr = false;
  bool in_double = false;  // levels are computed in fp64, before they are fp32
  /// CogVideoX: the signal-to-noise ratio is divided by this before it is brought to zero, all in fp64.
  std::optional<double> snr_shift_scale = {};

  /// Absent fields take the values of `defaults`. Throws `ErrorCode::WeightsFormat`, also where the noise
  /// doesn't grow from timestep to timestep.
  static ScheduleConfig read(const Config& config, const ScheduleConfig& defaults);
  static ScheduleConfig read(const Config& config);
};

/// The defaults of many classes.
inline const ScheduleConfig kLinspace{.spacing = Spacing::Linspace};
/// Of CogVideoX's classes.
inline const ScheduleConfig kCogVideoX{
    .beta_start = 0.00085, .beta_end = 0.012, .beta_schedule = "scaled_linear", .snr_shift_scale = 3.0};
/// Of samplers that choose their levels by themselves.
inline const ScheduleConfig kUnspaced{.spaced = false};

/// As `ScheduleConfig::read`, for samplers that can't go by flow matching.
ScheduleConfig readDiffusionSchedule(const Config& config, const ScheduleConfig& defaults = {});

/// The forward process x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) eps, with alpha_t the cumulative product.
class NoiseSchedule {
 public:
  explicit NoiseSchedule(const ScheduleConfig& config);

  double alphaCumprod(int64_t timestep) const { return alphas_cumprod_[timestep]; }
  /// alpha_t for each of `timesteps` (B), int64 -> (B), fp32.
  at::Tensor alphaCumprod(const at::Tensor& timesteps) const;
  /// The level of a timestep, on the preserving scale.
  Level level(int64_t timestep) const;

  /// x_t of `clean` and `noise`.
  at::Tensor addNoise(const at::Tensor& clean, const at::Tensor& noise, int64_t timestep) const;

  const ScheduleConfig& config() const { return config_; }

 private:
  ScheduleConfig config_;
  std::vector<double> alphas_cumprod_;  // rounded to fp32 where PyTorch's are
};

/// x_t of `clean` and `noise` for alpha_t = `alpha`, which broadcasts against them.
at::Tensor addNoise(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& alpha);

}  // namespace cameo::samplers
