#include "schedulers/ddim.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cameo::schedulers {

double Ddim::previousAlpha(size_t index) const {
  const ScheduleConfig& config = schedule_.config();
  const int64_t stride = config.train_timesteps / static_cast<int64_t>(timesteps_.size());
  const int64_t previous = timesteps_[index] - stride;
  if (previous >= 0) return schedule_.alphaCumprod(previous);
  return config.set_alpha_to_one ? 1.0 : schedule_.alphaCumprod(0);
}

at::Tensor Ddim::step(const at::Tensor& output, size_t index, const at::Tensor& sample) const {
  const double alpha = schedule_.alphaCumprod(timesteps_[index]);
  const double signal = std::sqrt(alpha), noise_scale = std::sqrt(1 - alpha);
  const at::Tensor clean = predictClean(output, index, sample);
  at::Tensor noise = output;
  const Prediction prediction = schedule_.config().prediction;
  if (prediction == Prediction::VPrediction) noise = signal * output + noise_scale * sample;
  if (prediction == Prediction::Sample) noise = (sample - signal * output) / noise_scale;
  const double previous = previousAlpha(index);
  return std::sqrt(previous) * clean + std::sqrt(1 - previous) * noise;
}

}  // namespace cameo::schedulers
