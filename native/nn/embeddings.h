#pragma once

#include "nn/layers.h"

namespace cameo::nn {

struct TimestepEmbeddingConfig {
  int64_t channels = 0;  // of the sinusoids
  int64_t hidden = 0;    // between the layers
  int64_t out = 0;       // of the result; 0: as many
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  Activation activation = Activation::Silu;
};

/// Sinusoids of the timestep through two linear layers: t (B) -> (B, out).
class TimestepEmbedding {
 public:
  TimestepEmbedding(const Scope& scope, const TimestepEmbeddingConfig& config);
  at::Tensor forward(const at::Tensor& timesteps, at::ScalarType dtype) const;

 private:
  TimestepEmbeddingConfig config_;
  Linear linear_1_;
  Linear linear_2_;
};

/// sin and cos of t * 10000^(-i / (channels / 2 - freq_shift)), fp32: t (B) -> (B, channels).
at::Tensor timestepSinusoids(const at::Tensor& timesteps, const TimestepEmbeddingConfig& config);

}  // namespace cameo::nn
