#pragma once

#include "nn/layers.h"

namespace cameo::models {

/// What both halves of CLIP are made of.
struct ClipLayerConfig {
  int64_t hidden_size = 768;
  int64_t intermediate_size = 3072;
  int64_t heads = 12;
  double eps = 1e-5;
  nn::Activation activation = nn::Activation::QuickGelu;
  bool causal = false;  // a token sees those before it alone
};

/// Self-attention and a two-layer perceptron, each after a norm, with residuals; x (N, L, hidden_size).
class ClipLayer {
 public:
  ClipLayer(const Scope& scope, const ClipLayerConfig& config);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  ClipLayerConfig config_;
  nn::LayerNorm layer_norm1_;
  nn::Linear q_proj_;
  nn::Linear k_proj_;
  nn::Linear v_proj_;
  nn::Linear out_proj_;
  nn::LayerNorm layer_norm2_;
  nn::Linear fc1_;
  nn::Linear fc2_;
};

}  // namespace cameo::models
