#include "nn/layers.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "core/error.h"
#include "nn/affine.h"
#include "nn/convolution.h"
#include "nn/group_norm.h"
#include "nn/recompute.h"

namespace cameo::nn {

namespace {

/// What the adapter of `weight` adds to its product with `x`, (..., out).
at::Tensor adapted(const at::Tensor& x, const LowRank& adapter) {
  const auto matrix = [&](const at::Tensor& factor) { return factor.flatten(1).to(x.scalar_type()); };
  return affine(affine(x, matrix(adapter.down), {}), matrix(adapter.up), {}) * adapter.scale;
}

at::Tensor product(const at::Tensor& x, const Parameter& weight, const Parameter* bias,
                   const at::Tensor& added) {
  const at::Tensor y =
      affine(x, weight.like(x).flatten(1), bias ? std::optional(bias->like(x)) : std::nullopt, added);
  return weight.adapter ? y + adapted(x, *weight.adapter) : y;
}

std::vector<int64_t> kernelShape(int64_t in, int64_t out, int64_t dims) {
  std::vector<int64_t> shape(2 + dims, 1);
  shape[0] = out;
  shape[1] = in;
  return shape;
}

}  // namespace

Linear::Linear(const Scope& scope, int64_t in, int64_t out, bool bias)
    : weight_(scope.parameter("weight", {out, in})),
      bias_(bias ? &scope.parameter("bias", {out}) : nullptr) {}

at::Tensor Linear::forward(const at::Tensor& x, const at::Tensor& added) const {
  return product(x, weight_, bias_, added);
}

PointwiseConv::PointwiseConv(const Scope& scope, int64_t in, int64_t out, int64_t dims)
    : weight_(scope.parameter("weight", kernelShape(in, out, dims))), bias_(scope.parameter("bias", {out})) {}

at::Tensor PointwiseConv::forward(const at::Tensor& tokens, const at::Tensor& added) const {
  return product(tokens, weight_, &bias_, added);
}

Conv2d::Conv2d(const Scope& scope, const Conv2dConfig& config)
    : config_(config),
      weight_(scope.parameter("weight", {config.out, config.in, config.kernel, config.kernel})),
      bias_(scope.parameter("bias", {config.out})) {}

at::Tensor Conv2d::forward(const at::Tensor& x) const {
  const at::Tensor y = convolve(x, weight_.like(x), bias_.like(x), config_.stride, config_.padding);
  if (!weight_.adapter) return y;
  const auto& [down, up, scale] = *weight_.adapter;
  const at::Tensor hidden = at::conv2d(x, down.to(x.scalar_type()), {}, config_.stride, config_.padding);
  return y + at::conv2d(hidden, up.to(x.scalar_type())) * scale;
}

GroupNorm::GroupNorm(const Scope& scope, int64_t groups, int64_t channels, double eps)
    : groups_(groups),
      eps_(eps),
      weight_(scope.parameter("weight", {channels})),
      bias_(scope.parameter("bias", {channels})) {
  if (channels % groups != 0) {
    throw Error(ErrorCode::WeightsFormat,
                c10::str("the config asks for ", channels, " channels normalised in ", groups,
                         " groups; norm_num_groups must divide every entry of block_out_channels"));
  }
}

at::Tensor GroupNorm::forward(const at::Tensor& x) const {
  return groupNorm(x, *weight_, *bias_, groups_, eps_);
}

at::Tensor GroupNorm::forward(const at::Tensor& x, Activation activation) const {
  if (activation == Activation::Silu && groupNormIsFused(x)) {
    return fusedGroupNorm(x, *weight_, *bias_, groups_, eps_, /*silu=*/true);
  }
  if (!c10::GradMode::is_enabled()) return activate(activation, forward(x));
  const auto both = [this, activation](const std::vector<at::Tensor>& inputs) {
    return activate(activation, forward(inputs[0]));
  };
  return recompute(both, {x}, trainedTensors({&weight_, &bias_}));
}

LayerNorm::LayerNorm(const Scope& scope, int64_t channels, double eps)
    : channels_(channels),
      eps_(eps),
      weight_(scope.parameter("weight", {channels})),
      bias_(scope.parameter("bias", {channels})) {}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x, {channels_}, weight_.like(x), bias_.like(x), eps_);
}

Activation parseActivation(const std::string& name) {
  if (name == "silu" || name == "swish") return Activation::Silu;
  if (name == "gelu") return Activation::Gelu;
  if (name == "quick_gelu") return Activation::QuickGelu;
  if (name == "relu") return Activation::Relu;
  if (name == "mish") return Activation::Mish;
  throw Error(ErrorCode::WeightsFormat,
              c10::str("the config asks for the activation \"", name,
                       "\"; silu, swish, gelu, quick_gelu, relu and mish are known"));
}

at::Tensor activate(Activation activation, at::Tensor x) {
  switch (activation) {
    case Activation::Silu:
      return at::silu_(x);
    case Activation::Gelu:
      return at::gelu_(x);
    case Activation::GeluTanh:
      return at::gelu_(x, "tanh");
    case Activation::QuickGelu:
      return at::sigmoid(x * 1.702) * x;
    case Activation::Relu:
      return at::relu_(x);
    case Activation::Mish:
      return at::mish_(x);
  }
  return x;
}

at::Tensor toTokens(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1}).flatten(1, 2);
}

at::Tensor fromTokens(const at::Tensor& tokens, int64_t height, int64_t width) {
  return tokens.unflatten(1, {height, width}).permute({0, 3, 1, 2});
}

}  // namespace cameo::nn
