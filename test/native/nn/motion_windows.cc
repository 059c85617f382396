#include "nn/motion_windows.h"

#include <ATen/ATen.h>

#include "harness.h"
#include "nn/motion.h"

namespace cameo::test {

namespace {

nn::MotionWindows windowsOf(const Json& config) {
  return {config.at("length"), config.at("stride"), config.at("weights").get<nn::FrameWeights>()};
}

/// What each window gives to the frames: (windows, frames).
Tensors shares(const Json& config, const Tensors&) {
  const int64_t frames = config.at("frames");
  std::vector<at::Tensor> rows;
  for (const auto& [first, shares] : nn::sharesOf(frames, windowsOf(config))) {
    rows.push_back(at::zeros({frames}, at::kDouble));
    rows.back().narrow(0, first, static_cast<int64_t>(shares.size())).copy_(at::tensor(shares, at::kDouble));
  }
  return {{"shares", at::stack(rows).to(at::kFloat)}};
}

/// What comes of windows that multiply their images by their positions, counted from 1.
Tensors positions(const Json& config, const Tensors& in) {
  const auto numbered = [](const at::Tensor& window) {
    return window * at::arange(1, window.size(1) + 1, window.options()).view({1, -1, 1});
  };
  return {{"out", nn::overMotionWindows(in.at("x"), config.at("references"), windowsOf(config), numbered)}};
}

/// A motion module with windows, scaled.
Tensors module(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::MotionModule layer(Scope(parameters), {.channels = config.at("in_channels"),
                                                   .heads = config.at("heads"),
                                                   .layers = config.at("layers"),
                                                   .groups = config.at("groups"),
                                                   .max_images = config.at("max_length")});
  assignWeights(parameters, in);
  nn::MotionOptions options{.scale = config.value("scale", 1.0), .references = config.value("references", 0)};
  if (config.contains("length")) options.windows = windowsOf(config);
  return {{"out", layer.forward(in.at("x"), config.at("images"), options)}};
}

}  // namespace

const bool kMotionWindowsRegistered = addProbe("nn.motion_window_shares", shares) &&
                                      addProbe("nn.motion_windows", positions) &&
                                      addProbe("nn.motion_module_in_windows", module);

}  // namespace cameo::test
