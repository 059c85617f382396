#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "bench/forms.h"
#include "cpu/geglu.h"
#include "nn/affine.h"
#include "nn/feed_forward.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

/// `layer(x)`, and with a gradient of the result that of x.
Tensors run(const std::function<at::Tensor(const at::Tensor& x)>& layer, const at::Tensor& x,
            const at::Tensor& grad) {
  const c10::InferenceMode inference(!grad.defined());
  if (!grad.defined()) return {{"out", layer(x)}};
  const at::Tensor leaf = x.detach().requires_grad_();
  const at::Tensor out = layer(leaf);
  out.backward(grad);
  return {{"out", out.detach()}, {"x", leaf.grad()}};
}

/// Group norm with SiLU after it: the layer, and libtorch's two functions.
Tensors timeGroupNorm(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const int64_t channels = config.at("channels"), groups = config.at("groups");
  const std::vector<int64_t> shape = {config.at("images"), channels, config.at("height"), config.at("width")};
  Draw draw(config);
  const at::Tensor x = channelsLast(draw(shape)), weight = draw({channels}), bias = draw({channels});
  const at::Tensor grad = config.at("backward").get<bool>() ? channelsLast(draw(shape)) : at::Tensor();

  ParameterSet parameters;
  const nn::GroupNorm norm(Scope(parameters), groups, channels, 1e-5);
  parameters.find("weight")->value = weight;
  parameters.find("bias")->value = bias;
  const auto fast = [&](const at::Tensor& x) { return norm.forward(x, nn::Activation::Silu); };
  const auto libtorch = [&](const at::Tensor& x) {
    const auto like = [&](const at::Tensor& value) { return value.to(x.scalar_type()); };
    return at::silu(at::group_norm(x, groups, like(weight), like(bias), 1e-5));
  };
  const std::vector<Form> forms = {{"fast", [&] { return run(fast, x, grad); }},
                                   {"plain", [&] { return run(libtorch, x, grad); }}};
  const auto exact = [&] {
    return run(libtorch, x.to(at::kDouble), grad.defined() ? grad.to(at::kDouble) : grad);
  };
  return measure(forms, exact, Measurement(config));
}

/// Hidden states gated by GELU, with their gradient where `config` says so: the kernel and libtorch's
/// functions.
Tensors timeGeglu(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const int64_t width = config.at("width"), tokens = config.at("tokens");
  const bool backward = config.at("backward");
  Draw draw(config);
  const at::Tensor hidden = draw({tokens, 2 * width}), grad = draw({tokens, width});
  const auto libtorch = [&](at::ScalarType type) {
    const auto halves = hidden.to(type).chunk(2, -1);
    const at::Tensor gate = at::gelu(halves[1]), g = grad.to(type);
    if (!backward) return Tensors{{"out", halves[0] * gate}};
    return Tensors{{"hidden", at::cat({g * gate, at::gelu_backward(g * halves[0], halves[1])}, -1)}};
  };
  const auto fast = [&] {
    return backward ? Tensors{{"hidden", cpu::gegluBackward(grad, hidden)}}
                    : Tensors{{"out", cpu::geglu(hidden)}};
  };
  const std::vector<Form> forms = {{"fast", fast}, {"plain", [&] { return libtorch(at::kFloat); }}};
  return measure(forms, [&] { return libtorch(at::kDouble); }, Measurement(config));
}

/// A matrix product: as a layer computes it, and oneDNN's.
Tensors timeLinear(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const int64_t in = config.at("in"), out = config.at("out"), tokens = config.at("tokens");
  Draw draw(config);
  const at::Tensor x = draw({tokens, in}), bias = draw({out}, 0.1);
  const at::Tensor weight = draw({out, in}, std::pow(static_cast<double>(in), -0.5));
  const auto layer = [&] { return Tensors{{"out", nn::affine(x, weight, bias)}}; };
  const auto plain = [&] {
    const nn::PlainKernels kernels;
    return layer();
  };
  const auto exact = [&] {
    const auto twice = [](const at::Tensor& value) { return value.to(at::kDouble); };
    return Tensors{{"out", at::linear(twice(x), twice(weight), twice(bias))}};
  };
  return measure({{"layer", layer}, {"oneDNN", plain}}, exact, Measurement(config));
}

/// A feed-forward gated by GELU, with a residual: the layer, and libtorch's functions.
Tensors timeFeedForward(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const int64_t dim = config.at("dim"), tokens = config.at("tokens");
  Draw draw(config);
  const at::Tensor x = draw({tokens, dim}), added = draw({tokens, dim});
  ParameterSet parameters;
  const nn::FeedForward layer(Scope(parameters), dim);
  for (Parameter& parameter : parameters.all()) {
    const double in = parameter.shape.size() > 1 ? static_cast<double>(parameter.shape[1]) : 100;
    parameter.value = draw(parameter.shape, std::pow(in, -0.5));
  }
  const auto libtorch = [&](at::ScalarType type) {
    const auto linear = [&](const at::Tensor& x, const std::string& name) {
      const auto value = [&](const char* part) { return parameters.find(name + part)->value.to(type); };
      return at::linear(x, value(".weight"), value(".bias"));
    };
    const auto halves = linear(x.to(type), "net.0.proj").chunk(2, -1);
    return Tensors{{"out", linear(halves[0] * at::gelu(halves[1]), "net.2") + added}};
  };
  const std::vector<Form> forms = {{"fast", [&] { return Tensors{{"out", layer.forward(x, added)}}; }},
                                   {"plain", [&] { return libtorch(at::kFloat); }}};
  return measure(forms, [&] { return libtorch(at::kDouble); }, Measurement(config));
}

}  // namespace

const bool kLayersMeasured = addProbe("bench.group_norm", timeGroupNorm) &&
                             addProbe("bench.feed_forward", timeFeedForward) &&
                             addProbe("bench.geglu", timeGeglu) && addProbe("bench.linear", timeLinear);

}  // namespace cameo::test
