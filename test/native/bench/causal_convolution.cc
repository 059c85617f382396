#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "bench/forms.h"
#include "nn/causal_convolution.h"
#include "nn/convolution.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

/// A 3x3x3 convolution of `frames` frames after two others: libtorch's, a sum of 2-D ones for each tap, and
/// as the layer computes it.
Tensors timeCausalConvolution(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const int64_t frames = config.at("frames"), in = config.at("in"), out = config.at("out");
  Draw draw(config);
  const at::Tensor x = channelsLast(draw({frames + 2, in, config.at("height"), config.at("width")}));
  const at::Tensor weight = draw({out, in, 3, 3, 3}, std::pow(27.0 * static_cast<double>(in), -0.5))
                                .contiguous(at::MemoryFormat::ChannelsLast3d);
  const at::Tensor bias = draw({out}, 0.1);
  const auto conv3d = [&](at::ScalarType type) {
    const at::Tensor film = x.to(type).transpose(0, 1).unsqueeze(0);
    return Tensors{
        {"out",
         at::conv3d(film, weight.to(type), bias.to(type), 1, at::IntArrayRef{0, 1, 1})[0].transpose(0, 1)}};
  };
  const auto by_taps = [&] {
    at::Tensor y = nn::convolve(x.narrow(0, 0, frames), weight.select(2, 0), bias, 1, 1);
    for (int64_t i = 1; i < 3; ++i) {
      y.add_(nn::convolve(x.narrow(0, i, frames), weight.select(2, i), at::zeros_like(bias), 1, 1));
    }
    return Tensors{{"out", y}};
  };
  const auto layer = [&] { return Tensors{{"out", nn::convolveOverTime(x, weight, bias)}}; };
  const std::vector<Form> forms = {
      {"layer", layer}, {"by taps", by_taps}, {"conv3d", [&] { return conv3d(at::kFloat); }}};
  return measure(forms, [&] { return conv3d(at::kDouble); }, Measurement(config));
}

}  // namespace

const bool kCausalConvolutionMeasured = addProbe("bench.causal_convolution", timeCausalConvolution);

}  // namespace cameo::test
