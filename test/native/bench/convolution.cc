#include "nn/convolution.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "bench/forms.h"
#include "cpu/winograd.h"

namespace cameo::test {

namespace {

struct Case {
  at::Tensor x, weight, bias, grad;

  explicit Case(const Json& config) {
    const int64_t images = config.at("images"), in = config.at("in"), out = config.at("out");
    const int64_t height = config.at("height"), width = config.at("width");
    Draw draw(config);
    x = channelsLast(draw({images, in, height, width}));
    weight = channelsLast(draw({out, in, 3, 3}, std::pow(9.0 * static_cast<double>(in), -0.5)));
    bias = draw({out}, 0.1);
    grad = channelsLast(draw({images, out, height, width}));
  }

  Case asDouble() const {
    Case result = *this;
    for (at::Tensor* tensor : {&result.x, &result.weight, &result.bias, &result.grad}) {
      *tensor = tensor->to(at::kDouble);
    }
    return result;
  }

  at::Tensor gradient(bool of_x) const {
    const auto [dx, dweight, dbias] =
        at::convolution_backward(grad, x, weight, /*bias_sizes=*/{}, /*stride=*/{1, 1}, /*padding=*/{1, 1},
                                 /*dilation=*/{1, 1}, /*transposed=*/false, /*output_padding=*/{0, 0},
                                 /*groups=*/1, {of_x, !of_x, false});
    return of_x ? dx : dweight;
  }

  /// oneDNN's form for "forward", the gradient of the "input" or that of the "kernel"; libtorch's own in
  /// fp64.
  at::Tensor direct(const std::string& part) const {
    return part == "forward" ? at::conv2d(x, weight, bias, 1, 1) : gradient(/*of_x=*/part == "input");
  }
};

/// A 3x3 convolution: "winograd", and "layer" as a layer chooses.
Tensors timeConvolution(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const std::string part = config.at("part");
  const Case given(config);
  const auto& [x, weight, bias, grad] = given;
  std::vector<Form> forms = {{"direct", [&] { return Tensors{{"out", given.direct(part)}}; }}};
  const auto add = [&](const char* name, const std::function<at::Tensor()>& compute) {
    forms.push_back({name, [compute] { return Tensors{{"out", compute()}}; }});
  };
  const bool turned = part == "input";
  if (part == "forward") add("layer", [&] { return nn::convolve(x, weight, bias, 1, 1); });
  if (cpu::winogradTakes(x, weight) && part == "kernel") {
    add("winograd", [&] { return cpu::winogradKernelGradient(x, grad); });
  } else if (cpu::winogradTakes(x, weight)) {
    const at::Tensor& from = turned ? grad : x;
    const at::Tensor no_bias, &added = turned ? no_bias : bias;
    add("winograd", [=] { return cpu::winograd(from, weight, added, turned); });
  }
  const auto exact = [&] { return Tensors{{"out", given.asDouble().direct(part)}}; };
  return measure(forms, exact, Measurement(config));
}

}  // namespace

const bool kConvolutionMeasured = addProbe("bench.convolution", timeConvolution);

}  // namespace cameo::test
