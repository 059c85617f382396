#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "harness.h"
#include "nn/layers.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

/// A norm of x (N, C, H, W), channels-last, with SiLU after it where `config` says so: the result, the
/// gradients, and "bf16", the result of x in bf16: where "plain", in fp32 of the same numbers.
Tensors groupNorm(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const nn::PlainKernels plain(config.at("plain").get<bool>());
  ParameterSet parameters;
  const at::Tensor x = in.at("x").contiguous(at::MemoryFormat::ChannelsLast).clone().requires_grad_();
  const nn::GroupNorm layer(Scope(parameters), config.at("groups"), x.size(1), 1e-5);
  for (Parameter& parameter : parameters.all()) {
    parameter.value = in.at(parameter.name).clone().requires_grad_();
  }
  const auto forward = [&](const at::Tensor& x) {
    return config.at("silu").get<bool>() ? layer.forward(x, nn::Activation::Silu) : layer.forward(x);
  };
  const at::Tensor out = forward(x);
  out.backward(in.at("grad").clone());
  Tensors result{{"out", out.detach().contiguous()}, {"x", x.grad().contiguous()}};
  for (const Parameter& parameter : parameters.all()) result[parameter.name] = parameter.value.grad();
  const c10::InferenceMode on;
  const at::Tensor rounded = x.to(at::kBFloat16);
  result["bf16"] = forward(config.at("plain").get<bool>() ? rounded.to(at::kFloat) : rounded).to(at::kFloat);
  return result;
}

}  // namespace

const bool kGroupNormRegistered = addProbe("nn.group_norm", groupNorm);

}  // namespace cameo::test
