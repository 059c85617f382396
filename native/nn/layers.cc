#include "nn/layers.h"

#include <ATen/ATen.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>

#include "core/error.h"

namespace cameo::nn {

namespace {

/// oneDNN's matrix product, by an operator that libtorch has no function for; empty in a build without it.
class OneDnnLinear {
 public:
  static const OneDnnLinear& get() {
    static const OneDnnLinear instance;
    return instance;
  }

  /// It has no backward pass.
  bool takes(const at::Tensor& x) const {
    return operator_ && x.is_cpu() && x.scalar_type() == at::kFloat && !c10::GradMode::is_enabled();
  }

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& weight,
                        const std::optional<at::Tensor>& bias) const {
    return operator_->call(x, weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
  }

 private:
  using Signature = at::Tensor(const at::Tensor& x, const at::Tensor& weight,
                               const std::optional<at::Tensor>& bias, std::string_view activation,
                               c10::List<std::optional<at::Scalar>> scalars,
                               std::optional<std::string_view> algorithm);

  OneDnnLinear() {
    const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (found) operator_ = found->typed<Signature>();
  }

  std::optional<c10::TypedOperatorHandle<Signature>> operator_;
};

/// x W^T + b. In fp32 `at::linear` calls MKL, whose kernels for AMD's processors stop at AVX2: oneDNN takes
/// half the time there (bench/full_size).
at::Tensor affine(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  return OneDnnLinear::get().takes(x) ? OneDnnLinear::get()(x, weight, bias) : at::linear(x, weight, bias);
}

}  // namespace

Linear::Linear(const Scope& scope, int64_t in, int64_t out, bool bias)
    : weight_(scope.parameter("weight", {out, in})),
      bias_(bias ? &scope.parameter("bias", {out}) : nullptr) {}

at::Tensor Linear::forward(const at::Tensor& x) const {
  return affine(x, *weight_, bias_ == nullptr ? std::nullopt : std::optional(**bias_));
}

PointwiseConv::PointwiseConv(const Scope& scope, int64_t in, int64_t out)
    : weight_(scope.parameter("weight", {out, in, 1, 1})), bias_(scope.parameter("bias", {out})) {}

at::Tensor PointwiseConv::forward(const at::Tensor& tokens) const {
  return affine(tokens, weight_->flatten(1), *bias_);
}

Conv2d::Conv2d(const Scope& scope, const Conv2dConfig& config)
    : config_(config),
      weight_(scope.parameter("weight", {config.out, config.in, config.kernel, config.kernel})),
      bias_(scope.parameter("bias", {config.out})) {}

at::Tensor Conv2d::forward(const at::Tensor& x) const {
  return at::conv2d(x, *weight_, *bias_, config_.stride, config_.padding);
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
  // On a CPU, libtorch 2.11's backward pass for channels-last tensors writes to the input's gradient even
  // where the input takes none, and so through a null pointer.
  const bool trained = weight_->requires_grad() || bias_->requires_grad();
  const bool faults = trained && !x.requires_grad() && c10::GradMode::is_enabled();
  return at::group_norm(faults ? x.contiguous() : x, groups_, *weight_, *bias_, eps_);
}

LayerNorm::LayerNorm(const Scope& scope, int64_t channels, double eps)
    : channels_(channels),
      eps_(eps),
      weight_(scope.parameter("weight", {channels})),
      bias_(scope.parameter("bias", {channels})) {}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x, {channels_}, *weight_, *bias_, eps_);
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
    case Activation::QuickGelu:
      return at::sigmoid(x * 1.702).mul_(x);
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
