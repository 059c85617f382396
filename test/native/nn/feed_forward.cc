#include "nn/feed_forward.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "harness.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

/// A feed-forward gated by GELU of x (N, dim), with libtorch's kernels where `config` says "plain": the
/// result, the same where nothing is differentiated, the same in bf16, and the gradients.
Tensors differentiate(const Json& config, const Tensors& in) {
  const nn::PlainKernels plain(config.at("plain").get<bool>());
  ParameterSet parameters;
  const at::Tensor& x = in.at("x");
  const nn::FeedForward layer(Scope(parameters), x.size(1));
  for (Parameter& parameter : parameters.all()) parameter.value = in.at(parameter.name).clone();
  Tensors result;
  {
    const c10::InferenceMode on;
    result["inference"] = layer.forward(x);
    for (Parameter& parameter : parameters.all()) parameter.value = parameter.value.to(at::kBFloat16);
    result["bf16"] = layer.forward(x.to(at::kBFloat16)).to(at::kFloat);
  }
  const c10::InferenceMode off(false);
  for (Parameter& parameter : parameters.all()) {
    parameter.value = in.at(parameter.name).clone().requires_grad_();
  }
  const at::Tensor leaf = x.clone().requires_grad_(), out = layer.forward(leaf);
  out.backward(in.at("grad").clone());
  result.insert({{"out", out.detach()}, {"x", leaf.grad()}});
  for (const Parameter& parameter : parameters.all()) result[parameter.name] = parameter.value.grad();
  return result;
}

}  // namespace

const bool kFeedForwardRegistered = addProbe("nn.feed_forward_gradients", differentiate);

}  // namespace cameo::test
