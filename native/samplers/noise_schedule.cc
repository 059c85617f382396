#include "samplers/noise_schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "core/error.h"

namespace cameo::samplers {

namespace {

/// What betas are computed in: PyTorch's pipelines take fp32, unless the config says otherwise.
at::ScalarType betaType(const ScheduleConfig& config) {
  return config.in_double || config.snr_shift_scale ? at::kDouble : at::kFloat;
}

at::Tensor linearBetas(const ScheduleConfig& config) {
  return at::linspace(config.beta_start, config.beta_end, config.train_timesteps, betaType(config));
}

/// Betas that are linear in their square root: Stable Diffusion's.
at::Tensor scaledLinearBetas(const ScheduleConfig& config) {
  return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), config.train_timesteps,
                      betaType(config))
      .pow(2);
}

/// Nichol and Dhariwal 2021 (arXiv 2102.09672), equation 17, betas capped at 0.999.
at::Tensor cosineBetas(const ScheduleConfig& config) {
  const auto alpha_bar = [](double t) {
    return std::pow(std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2), 2);
  };
  const auto T = static_cast<double>(config.train_timesteps);
  at::Tensor betas = at::empty(config.train_timesteps, at::kFloat);
  float* values = betas.mutable_data_ptr<float>();
  for (int64_t i = 0; i < config.train_timesteps; ++i) {
    const auto t = static_cast<double>(i);
    values[i] = static_cast<float>(std::min(1 - alpha_bar((t + 1) / T) / alpha_bar(t / T), 0.999));
  }
  return betas;
}

/// Lin et al. 2023 (arXiv 2305.08891), algorithm 1: shifts sqrt(alpha_bar) so that its last value is zero.
at::Tensor endingInNoise(const at::Tensor& alphas_cumprod) {
  const at::Tensor root = alphas_cumprod.sqrt();
  const at::Tensor first = root[0].clone(), last = root[-1].clone();
  return ((root - last) * (first / (first - last))).pow(2);
}

/// The same of betas, by way of which PyTorch's classes go.
at::Tensor rescaleToZeroSnr(const at::Tensor& betas) {
  const at::Tensor bar = endingInNoise((1 - betas).cumprod(0));
  const at::Tensor alphas = at::cat({bar.slice(0, 0, 1), bar.slice(0, 1) / bar.slice(0, 0, -1)});
  return 1 - alphas;
}

at::Tensor sigmoidBetas(const ScheduleConfig& config) {
  const at::Tensor positions = at::linspace(-6, 6, config.train_timesteps, betaType(config));
  return at::sigmoid(positions) * (config.beta_end - config.beta_start) + config.beta_start;
}

using MakeBetas = at::Tensor (*)(const ScheduleConfig&);
const std::map<std::string, MakeBetas> kBetas{{"linear", linearBetas},
                                              {"scaled_linear", scaledLinearBetas},
                                              {"squaredcos_cap_v2", cosineBetas},
                                              {"sigmoid", sigmoidBetas}};

at::Tensor makeBetas(const ScheduleConfig& config) {
  if (!config.trained_betas.empty()) return at::tensor(config.trained_betas, at::kFloat);
  return kBetas.at(config.beta_schedule)(config);
}

const std::map<std::string, Prediction> kPredictions{{"epsilon", Prediction::Epsilon},
                                                     {"v_prediction", Prediction::VPrediction},
                                                     {"sample", Prediction::Sample},
                                                     {"flow_prediction", Prediction::Flow}};
const std::map<std::string, Spacing> kSpacings{
    {"linspace", Spacing::Linspace}, {"leading", Spacing::Leading}, {"trailing", Spacing::Trailing}};

/// `trained_betas`, and with them how many timesteps there are.
void readTrainedBetas(const Config& config, ScheduleConfig& schedule) {
  schedule.trained_betas = config.numbers("trained_betas", 100'000);
  if (schedule.trained_betas.empty()) return;
  const auto count = static_cast<int64_t>(schedule.trained_betas.size());
  if (count != schedule.train_timesteps && config.has("num_train_timesteps")) {
    config.fail("num_train_timesteps", c10::str("trained_betas has ", count, " numbers"));
  }
  schedule.train_timesteps = count;
  for (const double beta : schedule.trained_betas) {
    if (!(beta >= 0 && beta < 1)) config.fail("trained_betas", "each must be from 0 to less than 1");
  }
}

constexpr double kLeastSignal = 1e-12;  // of alpha_t, but where the last one is wanted to be 0

/// The field that most likely makes a schedule of no use, of which `alpha` is the first wrong one.
const char* wrongField(const Config& config, const ScheduleConfig& schedule, double alpha) {
  if (!schedule.trained_betas.empty()) return "trained_betas";
  const char* field = alpha > 0.5 ? "beta_start" : "beta_end";
  return config.has(field) && schedule.beta_schedule != "squaredcos_cap_v2" ? field : "num_train_timesteps";
}

void requireGrowingNoise(const Config& config, const ScheduleConfig& schedule) {
  const NoiseSchedule levels(schedule);
  double before = 1;
  for (int64_t t = 0; t < schedule.train_timesteps; ++t) {
    const double alpha = levels.alphaCumprod(t);
    const bool may_be_none = schedule.rescale_betas_zero_snr && t > 0 && t + 1 == schedule.train_timesteps;
    if (!(alpha < before && (alpha >= kLeastSignal || (may_be_none && alpha == 0)))) {
      config.fail(wrongField(config, schedule, alpha),
                  c10::str("with it the noise doesn't grow, or nothing else is left, at timestep ", t, " of ",
                           schedule.train_timesteps));
    }
    before = alpha;
  }
}

}  // namespace

ScheduleConfig ScheduleConfig::read(const Config& config, const ScheduleConfig& defaults) {
  ScheduleConfig schedule;
  schedule.train_timesteps = config.integer("num_train_timesteps", defaults.train_timesteps, 1, 100000);
  schedule.beta_start = config.number("beta_start", defaults.beta_start, 0, 1);
  schedule.beta_end = config.number("beta_end", defaults.beta_end, 0, 1);
  schedule.beta_schedule = config.text("beta_schedule", defaults.beta_schedule);
  if (kBetas.count(schedule.beta_schedule) == 0) {
    config.fail("beta_schedule", "linear, scaled_linear, squaredcos_cap_v2 and sigmoid are known");
  }
  readTrainedBetas(config, schedule);
  if (defaults.spaced) {
    schedule.spacing = config.oneOf("timestep_spacing", kSpacings, defaults.spacing);
    schedule.steps_offset =
        config.integer("steps_offset", defaults.steps_offset, 0, schedule.train_timesteps - 1);
  }
  schedule.in_double = defaults.in_double;
  schedule.prediction = config.oneOf("prediction_type", kPredictions, defaults.prediction);
  schedule.rescale_betas_zero_snr = config.boolean("rescale_betas_zero_snr", defaults.rescale_betas_zero_snr);
  if (config.has("snr_shift_scale") || defaults.snr_shift_scale) {
    schedule.snr_shift_scale =
        config.number("snr_shift_scale", defaults.snr_shift_scale.value_or(1), 1e-3, 1e3);
  }
  config.requireUnset("thresholding");
  requireGrowingNoise(config, schedule);
  return schedule;
}

ScheduleConfig ScheduleConfig::read(const Config& config) {
  return read(config, {});
}

ScheduleConfig readDiffusionSchedule(const Config& config, const ScheduleConfig& defaults) {
  const ScheduleConfig schedule = ScheduleConfig::read(config, defaults);
  if (schedule.prediction == Prediction::Flow) {
    config.fail("prediction_type",
                "this scheduler takes epsilon, sample and v_prediction; choose flow-euler");
  }
  return schedule;
}

namespace {

/// The cumulative products of a schedule whose signal-to-noise ratio is divided by `scale`.
at::Tensor shiftedSchedule(const ScheduleConfig& config, double scale) {
  const at::Tensor alphas = (1 - makeBetas(config)).cumprod(0);
  const at::Tensor shifted = alphas / (scale + (1 - scale) * alphas);
  return config.rescale_betas_zero_snr ? endingInNoise(shifted) : shifted;
}

at::Tensor plainSchedule(const ScheduleConfig& config) {
  at::Tensor betas = makeBetas(config);
  if (config.rescale_betas_zero_snr) betas = rescaleToZeroSnr(betas);
  return (1 - betas).cumprod(0).to(at::kFloat);
}

}  // namespace

NoiseSchedule::NoiseSchedule(const ScheduleConfig& config) : config_(config) {
  const auto scale = config.snr_shift_scale;
  const at::Tensor alphas_cumprod =
      (scale ? shiftedSchedule(config, *scale) : plainSchedule(config)).to(at::kDouble).contiguous();
  const double* values = alphas_cumprod.const_data_ptr<double>();
  alphas_cumprod_.assign(values, values + alphas_cumprod.numel());
}

at::Tensor NoiseSchedule::alphaCumprod(const at::Tensor& timesteps) const {
  return at::tensor(alphas_cumprod_, at::kFloat).to(timesteps.device()).index_select(0, timesteps);
}

Level NoiseSchedule::level(int64_t timestep) const {
  const double alpha = alphaCumprod(timestep);
  return {static_cast<double>(timestep), std::sqrt(alpha), std::sqrt(1 - alpha)};
}

at::Tensor NoiseSchedule::addNoise(const at::Tensor& clean, const at::Tensor& noise, int64_t timestep) const {
  return samplers::addNoise(clean, noise, at::scalar_tensor(alphaCumprod(timestep), at::kDouble));
}

at::Tensor addNoise(const at::Tensor& clean, const at::Tensor& noise, const at::Tensor& alpha) {
  return clean * alpha.sqrt() + noise * (1 - alpha).sqrt();
}

}  // namespace cameo::samplers
