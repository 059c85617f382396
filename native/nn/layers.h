#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "core/parameters.h"

namespace cameo::nn {

/// y = x W^T + b; x (..., in), W (out, in).
class Linear {
 public:
  Linear(const Scope& scope, int64_t in, int64_t out, bool bias = true);
  /// Plus `added` (..., out) where there is such a tensor.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& added = {}) const;
  Parameter& weight() const { return weight_; }
  const Parameter* bias() const { return bias_; }

 private:
  Parameter& weight_;
  const Parameter* bias_;  // null without a bias
};

/// A 1x1 convolution as diffusers stores it, W (out, in, 1, 1), or over so many `dims`, applied to tokens
/// (..., in).
class PointwiseConv {
 public:
  PointwiseConv(const Scope& scope, int64_t in, int64_t out, int64_t dims = 2);
  /// Plus `added` (..., out) where there is such a tensor.
  at::Tensor forward(const at::Tensor& tokens, const at::Tensor& added = {}) const;

 private:
  const Parameter& weight_;
  const Parameter& bias_;
};

struct Conv2dConfig {
  int64_t in = 0;
  int64_t out = 0;
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;
};

/// x (N, in, H, W) -> (N, out, H', W'); the result keeps x's memory format.
class Conv2d {
 public:
  Conv2d(const Scope& scope, const Conv2dConfig& config);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  Conv2dConfig config_;
  const Parameter& weight_;
  const Parameter& bias_;
};

enum class Activation { Silu, Gelu, GeluTanh, QuickGelu, Relu, Mish };

/// Normalises each group of channels over all positions; x (N, C, ...).
class GroupNorm {
 public:
  GroupNorm(const Scope& scope, int64_t groups, int64_t channels, double eps);
  at::Tensor forward(const at::Tensor& x) const;
  /// With an activation after it; the backward pass computes both again from x, which is all that is kept.
  at::Tensor forward(const at::Tensor& x, Activation activation) const;

 private:
  int64_t groups_;
  double eps_;
  const Parameter& weight_;
  const Parameter& bias_;
};

/// Normalises the last dimension; x (..., C).
class LayerNorm {
 public:
  LayerNorm(const Scope& scope, int64_t channels, double eps = 1e-5);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  int64_t channels_;
  double eps_;
  const Parameter& weight_;
  const Parameter& bias_;
};

/// The names of diffusers and transformers: "silu" or "swish", "gelu", "quick_gelu", "relu", "mish". Throws
/// `ErrorCode::WeightsFormat` for another name.
Activation parseActivation(const std::string& name);

/// May write into `x`: pass a tensor that nothing else needs.
at::Tensor activate(Activation activation, at::Tensor x);

/// (N, C, H, W) -> (N, H*W, C); free where x is channels-last.
at::Tensor toTokens(const at::Tensor& x);

/// (N, H*W, C) -> (N, C, H, W), channels-last, free.
at::Tensor fromTokens(const at::Tensor& tokens, int64_t height, int64_t width);

}  // namespace cameo::nn
