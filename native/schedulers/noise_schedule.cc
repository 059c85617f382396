#include "schedulers/noise_schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace cameo::schedulers {

namespace {

at::Tensor linearBetas(const ScheduleConfig& config) {
  return at::linspace(config.beta_start, config.beta_end, config.train_timesteps, at::kFloat);
}

/// Betas that are linear in their square root: Stable Diffusion's.
at::Tensor scaledLinearBetas(const ScheduleConfig& config) {
  return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), config.train_timesteps,
                      at::kFloat)
      .pow(2);
}

/// Nichol and Dhariwal 2021 (arXiv 2102.09672), equation 17, betas capped at 0.999.
at::Tensor cosineBetas(const ScheduleConfig& config) {
  const auto alpha_bar = [](double t) {
    return std::pow(std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2), 2);
  };
  const auto T = static_cast<double>(config.train_timesteps);
  at::Tensor betas = at::empty(config.train_timesteps, at::kFloat);
  for (int64_t i = 0; i < config.train_timesteps; ++i) {
    const auto t = static_cast<double>(i);
    betas[i] = std::min(1 - alpha_bar((t + 1) / T) / alpha_bar(t / T), 0.999);
  }
  return betas;
}

/// Lin et al. 2023 (arXiv 2305.08891), algorithm 1: shifts sqrt(alpha_bar) so that its last value is zero.
at::Tensor rescaleToZeroSnr(const at::Tensor& betas) {
  at::Tensor root = (1 - betas).cumprod(0).sqrt();
  const at::Tensor first = root[0].clone(), last = root[-1].clone();
  root = (root - last) * (first / (first - last));
  const at::Tensor bar = root.pow(2);
  const at::Tensor alphas = at::cat({bar.slice(0, 0, 1), bar.slice(0, 1) / bar.slice(0, 0, -1)});
  return 1 - alphas;
}

at::Tensor makeBetas(const ScheduleConfig& config) {
  if (config.beta_schedule == "scaled_linear") return scaledLinearBetas(config);
  if (config.beta_schedule == "squaredcos_cap_v2") return cosineBetas(config);
  return linearBetas(config);
}

Prediction readPrediction(const Config& config) {
  const std::string name = config.text("prediction_type", "epsilon");
  if (name == "epsilon") return Prediction::Epsilon;
  if (name == "v_prediction") return Prediction::VPrediction;
  if (name == "sample") return Prediction::Sample;
  config.fail("prediction_type", "epsilon, v_prediction and sample are known");
}

Spacing readSpacing(const Config& config) {
  const std::string name = config.text("timestep_spacing", "leading");
  if (name == "linspace") return Spacing::Linspace;
  if (name == "leading") return Spacing::Leading;
  if (name == "trailing") return Spacing::Trailing;
  config.fail("timestep_spacing", "linspace, leading and trailing are known");
}

}  // namespace

ScheduleConfig ScheduleConfig::read(const Config& config) {
  ScheduleConfig schedule;
  schedule.train_timesteps = config.integer("num_train_timesteps", 1000, 1, 100000);
  schedule.beta_start = config.number("beta_start", 0.0001);
  schedule.beta_end = config.number("beta_end", 0.02);
  schedule.beta_schedule = config.text("beta_schedule", "linear");
  if (schedule.beta_schedule != "linear" && schedule.beta_schedule != "scaled_linear" &&
      schedule.beta_schedule != "squaredcos_cap_v2") {
    config.fail("beta_schedule", "linear, scaled_linear and squaredcos_cap_v2 are known");
  }
  config.requireUnset("trained_betas");
  config.requireUnset("thresholding");
  schedule.spacing = readSpacing(config);
  schedule.steps_offset = config.integer("steps_offset", 0, 0, schedule.train_timesteps - 1);
  schedule.set_alpha_to_one = config.boolean("set_alpha_to_one", true);
  schedule.prediction = readPrediction(config);
  schedule.clip_sample = config.boolean("clip_sample", true);
  schedule.clip_sample_range = config.number("clip_sample_range", 1);
  schedule.rescale_betas_zero_snr = config.boolean("rescale_betas_zero_snr", false);
  return schedule;
}

NoiseSchedule::NoiseSchedule(const ScheduleConfig& config) : config_(config) {
  at::Tensor betas = makeBetas(config);
  if (config.rescale_betas_zero_snr) betas = rescaleToZeroSnr(betas);
  const at::Tensor alphas_cumprod = (1 - betas).cumprod(0).contiguous();
  const float* values = alphas_cumprod.const_data_ptr<float>();
  alphas_cumprod_.assign(values, values + alphas_cumprod.numel());
}

std::vector<int64_t> NoiseSchedule::timesteps(int64_t steps) const {
  const int64_t T = config_.train_timesteps;
  if (steps < 1 || steps > T) {
    throw Error(ErrorCode::InvalidOption,
                c10::str("steps: ", steps, " is not allowed; this model takes 1 to ", T));
  }
  std::vector<int64_t> result(steps);
  for (int64_t i = 0; i < steps; ++i) {
    const auto position = static_cast<double>(i);
    switch (config_.spacing) {
      case Spacing::Linspace: {  // rounds half to even, as NumPy does
        const double width = steps == 1 ? 0 : static_cast<double>(T - 1) / static_cast<double>(steps - 1);
        result[steps - 1 - i] = static_cast<int64_t>(std::nearbyint(position * width));
        break;
      }
      case Spacing::Leading:
        result[steps - 1 - i] = std::min(i * (T / steps) + config_.steps_offset, T - 1);
        break;
      case Spacing::Trailing: {
        const double width = static_cast<double>(T) / static_cast<double>(steps);
        result[i] = static_cast<int64_t>(std::nearbyint(static_cast<double>(T) - position * width)) - 1;
        break;
      }
    }
  }
  return result;
}

at::Tensor NoiseSchedule::alphaCumprod(const at::Tensor& timesteps) const {
  return at::tensor(alphas_cumprod_).to(timesteps.device()).index_select(0, timesteps);
}

at::Tensor NoiseSchedule::addNoise(const at::Tensor& clean, const at::Tensor& noise, int64_t timestep) const {
  return schedulers::addNoise(clean, noise, at::scalar_tensor(alphaCumprod(timestep), at::kDouble));
}

at::Tensor addNoise(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& alpha) {
  return clean * alpha.sqrt() + noise * (1 - alpha).sqrt();
}

}  // namespace cameo::schedulers
