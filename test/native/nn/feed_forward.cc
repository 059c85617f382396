#include "nn/feed_forward.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "cpu/feed_forward.h"
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

/// A block's normed feed-forward of x (N, dim) where nothing is differentiated, in the `form` "fast",
/// "plain", "bf16" or "double", and whether the kernel that does it in one pass `takes` it.
Tensors infer(const Json& config, const Tensors& in) {
  const c10::InferenceMode on;
  const std::string form = config.at("form");
  const nn::PlainKernels plain(form == "plain");
  const auto kind = form == "double" ? at::kDouble : form == "bf16" ? at::kBFloat16 : at::kFloat;
  const at::Tensor x = in.at("x").to(kind);
  ParameterSet parameters;
  const nn::NormedFeedForward layer(Scope(parameters), x.size(1));
  for (Parameter& parameter : parameters.all()) parameter.value = in.at(parameter.name).to(kind);
  const auto value = [&](const char* name) { return parameters.find(name)->value; };
  const bool takes =
      cpu::gatedFeedForwardTakes(x, {value("ff.net.0.proj.weight"), value("ff.net.0.proj.bias"),
                                     value("ff.net.2.weight"), value("ff.net.2.bias")});
  return {{"out", layer.forward(x).to(at::kFloat)}, {"takes", at::scalar_tensor(takes, at::kFloat)}};
}

}  // namespace

const bool kFeedForwardRegistered =
    addProbe("nn.feed_forward_gradients", differentiate) && addProbe("nn.normed_feed_forward", infer);

}  // namespace cameo::test
