#include "nn/embeddings.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cameo::nn {

at::Tensor timestepSinusoids(const at::Tensor& timesteps, const TimestepEmbeddingConfig& config) {
  const int64_t half = config.channels / 2;
  const double scale = -std::log(10000.0) / (static_cast<double>(half) - config.freq_shift);
  const at::Tensor frequencies =
      at::arange(half, timesteps.options().dtype(at::kFloat)).mul_(scale).exp_();              // (half)
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);  // (B, half)
  const at::Tensor sin = angles.sin(), cos = angles.cos();
  at::Tensor result = config.flip_sin_to_cos ? at::cat({cos, sin}, 1) : at::cat({sin, cos}, 1);
  return config.channels % 2 == 1 ? at::constant_pad_nd(result, {0, 1}) : result;
}

TimestepEmbedding::TimestepEmbedding(const Scope& scope, const TimestepEmbeddingConfig& config)
    : config_(config),
      linear_1_(scope / "linear_1", config.channels, config.hidden),
      linear_2_(scope / "linear_2", config.hidden, config.out > 0 ? config.out : config.hidden) {}

at::Tensor TimestepEmbedding::forward(const at::Tensor& timesteps, at::ScalarType dtype) const {
  const at::Tensor sinusoids = timestepSinusoids(timesteps, config_).to(dtype);
  return linear_2_.forward(activate(config_.activation, linear_1_.forward(sinusoids)));
}

}  // namespace cameo::nn
