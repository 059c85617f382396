#include "nn/affine.h"

#include <ATen/ATen.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/device.h"
#include "cpu/matrix_unit_product.h"
#include "cpu/matrix_unit_weight.h"
#include "cpu/product.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// oneDNN's matrix product, by an operator that libtorch has no function for; empty in a build without it.
/// `at::linear` calls MKL: whose kernels for AMD's processors stop at AVX2, so that oneDNN takes half its
/// time there in fp32 (bench/full_size), and which in bf16 with AMX takes up to twice oneDNN's.
class OneDnnLinear {
 public:
  static const OneDnnLinear& get() {
    static const OneDnnLinear instance;
    return instance;
  }

  bool takes(const at::Tensor& x) const {
    const bool known = x.scalar_type() == at::kFloat || (x.scalar_type() == at::kBFloat16 && hasFastBf16());
    return operator_ && x.is_cpu() && known && x.numel() > 0;
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

/// y, to which `added` is added where there is such a tensor.
at::Tensor plus(at::Tensor y, const at::Tensor& added) {
  return added.defined() ? y.add_(added) : y;
}

/// x (N, in): by bf16's matrix unit where the CPU has it, by the kernel for fp32, or by oneDNN.
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                   const at::Tensor& added = {}) {
  if (!PlainKernels::on() && cpu::matrixUnitTakes(x, weight)) {
    return cpu::matrixUnitProduct(x, weight, bias.value_or(at::Tensor()), added);
  }
  if (!PlainKernels::on() && cpu::productTakes(x, weight)) {
    return cpu::product(x, weight, bias.value_or(at::Tensor()), added);
  }
  return plus(OneDnnLinear::get()(x, weight, bias), added);
}

/// oneDNN's operator has no backward pass of its own; x (N, in) here, because it gives a view for more
/// dimensions, which could not be written to in place. What the gradient of the weight needs is kept only
/// where the weight is trained.
class Affine : public torch::autograd::Function<Affine> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({weight.requires_grad() ? x : at::Tensor(), weight});
    context->saved_data["has_bias"] = bias.has_value();
    return product(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &grad = gradients[0];
    variable_list result(3);
    if (context->needs_input_grad(0)) result[0] = product(grad, weight.t(), {});
    if (context->needs_input_grad(1)) result[1] = product(grad.t(), x.t(), {});
    const bool has_bias = context->saved_data["has_bias"].toBool();
    if (has_bias && context->needs_input_grad(2)) result[2] = grad.sum(0);
    return result;
  }
};

}  // namespace

at::Tensor affine(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                  const at::Tensor& added) {
  if (!OneDnnLinear::get().takes(x)) return plus(at::linear(x, weight, bias), added);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  if (c10::GradMode::is_enabled()) return plus(Affine::apply(rows, weight, bias).view(shape), added);
  const at::Tensor added_rows =
      added.defined() ? added.reshape({-1, weight.size(0)}).contiguous() : at::Tensor();
  return product(rows, weight, bias, added_rows).view(shape);
}

}  // namespace cameo::nn
