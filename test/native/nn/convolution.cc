#include "nn/convolution.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <set>

#include "cpu/matrix_unit_product.h"
#include "cpu/winograd.h"
#include "harness.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

at::Tensor channelsLast(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// A 3x3 convolution of `x` in the `form` "winograd", "direct" or "double"; nothing where this CPU has no
/// such form.
Tensors convolution(const Json& config, const Tensors& in) {
  const std::string form = config.at("form");
  const at::Tensor x = channelsLast(in.at("x")), weight = in.at("weight"), bias = in.at("bias");
  if (form == "double") {
    const at::Tensor out = at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), 1, 1);
    return {{"out", out.to(at::kFloat).contiguous()}};
  }
  if (form == "direct") {
    const nn::PlainKernels plain;
    return {{"out", nn::convolve(x, weight, bias, 1, 1).contiguous()}};
  }
  if (!cpu::winogradTakes(x, weight)) return {};
  return {{"out", cpu::winograd(x, weight, bias).contiguous()}};
}

/// A 3x3 convolution with the `stride` of `config` by the matrix unit, in fp32 or bf16, and in fp64; nothing
/// where this CPU has no such form.
Tensors gatheredConvolution(const Json& config, const Tensors& in) {
  const c10::InferenceMode inference;
  const auto kind = config.at("bf16").get<bool>() ? at::kBFloat16 : at::kFloat;
  const int64_t stride = config.at("stride");
  const at::Tensor x = channelsLast(in.at("x").to(kind)), weight = channelsLast(in.at("weight").to(kind));
  const at::Tensor bias = in.at("bias").to(kind);
  if (!cpu::matrixUnitConvolves(x, weight, stride, 1)) return {};
  const auto exact = [&](const std::string& name) { return in.at(name).to(at::kDouble); };
  const at::Tensor expected = at::conv2d(exact("x"), exact("weight"), exact("bias"), stride, 1);
  return {{"out", cpu::matrixUnitConvolution(x, weight, bias, stride).to(at::kFloat).contiguous()},
          {"expected", expected.to(at::kFloat).contiguous()}};
}

/// The result and the gradients of what `config` says is trained.
Tensors gradients(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const nn::PlainKernels plain(config.at("direct").get<bool>());
  const int64_t stride = config.at("stride"), padding = config.at("padding");
  const std::set<std::string> trained = config.at("trained");
  Tensors leaves;
  for (const std::string name : {"x", "weight", "bias"}) {
    leaves[name] = (name == "x" ? channelsLast(in.at(name)) : in.at(name)).clone();
    leaves[name].requires_grad_(trained.contains(name));
  }
  const at::Tensor out = nn::convolve(leaves["x"], leaves["weight"], leaves["bias"], stride, padding);
  out.backward(in.at("grad").clone());
  Tensors result{{"out", out.detach().contiguous()}};
  for (const auto& [name, leaf] : leaves) {
    if (leaf.grad().defined()) result[name] = leaf.grad().contiguous();
  }
  return result;
}

}  // namespace

const bool kConvolutionsRegistered = addProbe("nn.convolution", convolution) &&
                                     addProbe("nn.convolution_gradients", gradients) &&
                                     addProbe("nn.gathered_convolution", gatheredConvolution);

}  // namespace cameo::test
