#include "nn/affine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "cpu/matrix_unit_product.h"
#include "cpu/matrix_unit_weight.h"
#include "cpu/product.h"
#include "harness.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

/// x W^T + b with the gradients for `grad`, in the `form` "fast", "plain", "bf16" or "double".
Tensors affine(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const std::string form = config.at("form");
  const nn::PlainKernels plain(form == "plain");
  const auto kind = form == "double" ? at::kDouble : form == "bf16" ? at::kBFloat16 : at::kFloat;
  Tensors leaves;
  for (const std::string name : {"x", "weight", "bias"}) {
    leaves[name] = in.at(name).to(kind, /*non_blocking=*/false, /*copy=*/true);
    leaves[name].requires_grad_();
  }
  const at::Tensor out = nn::affine(leaves["x"], leaves["weight"], leaves["bias"]);
  out.backward(in.at("grad").to(out.scalar_type()));
  Tensors result{{"out", out.detach().to(at::kFloat)}};
  for (const auto& [name, leaf] : leaves) result[name] = leaf.grad().to(at::kFloat);
  return result;
}

/// By bf16's `matrix_unit` or by the kernel for fp32 alone, the weight lying as it is or `turned`, with and
/// without a bias and another tensor added, all rounded to bf16 where `config` says so; nothing where this
/// CPU has no such kernel.
Tensors product(const Json& config, const Tensors& in) {
  const c10::InferenceMode inference;
  const auto kind = config.at("bf16").get<bool>() ? at::kBFloat16 : at::kFloat;
  const at::Tensor x = in.at("x").flatten(0, -2).to(kind), weight = in.at("weight").to(kind);
  const at::Tensor lying = config.at("turned").get<bool>() ? weight.t().contiguous().t() : weight;
  const bool matrix_unit = config.at("matrix_unit");
  if (!(matrix_unit ? cpu::matrixUnitTakes(x, lying) : cpu::productTakes(x, lying))) return {};
  const auto wanted = [&](const std::string& name) {
    return config.at(name).get<bool>() ? in.at(name).to(kind) : at::Tensor();
  };
  const auto multiply = matrix_unit ? cpu::matrixUnitProduct : cpu::product;
  return {{"out", multiply(x, lying, wanted("bias"), wanted("added")).to(at::kFloat)}};
}

}  // namespace

const bool kAffineRegistered = addProbe("nn.affine", affine) && addProbe("nn.product", product);

}  // namespace cameo::test
