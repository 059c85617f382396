#include "pipeline/windows.h"

#include <ATen/ATen.h>

#include <array>

#include "harness.h"

namespace cameo::test {

namespace {

constexpr std::array kSchedules = {pipeline::WindowSchedule::Standard, pipeline::WindowSchedule::Uniform,
                                   pipeline::WindowSchedule::Looped};
constexpr std::array kWeights = {nn::FrameWeights::Flat, nn::FrameWeights::Pyramid,
                                 nn::FrameWeights::Relative, nn::FrameWeights::Sawtooth};

nn::FrameWeights weightsOf(const Json& config) {
  return kWeights.at(config.value("weights", 1));
}

pipeline::ContextWindows contextOf(const Json& config) {
  return {.length = config.at("length"),
          .overlap = config.at("overlap"),
          .schedule = kSchedules.at(config.value("schedule", 0)),
          .strides = config.value("strides", 1),
          .weights = weightsOf(config)};
}

/// The windows' frames, one after another, and how many each has; what comes of windows that give their part
/// of `x`; and of windows that give their own number.
Tensors windows(const Json& config, const Tensors& in) {
  const pipeline::ContextWindows context = contextOf(config);
  const pipeline::LatentRow row{.film = config.at("frames"),
                                .leading = config.value("leading", 0),
                                .trailing = config.value("trailing", 0)};
  const auto all = pipeline::windowsOf(row, context, config.value("step", 0));
  std::vector<int64_t> frames, count;
  for (const auto& window : all) {
    frames.insert(frames.end(), window.frames.begin(), window.frames.end());
    count.push_back(window.count());
  }
  const at::Tensor x = in.at("x");
  const at::Tensor same = pipeline::overWindows(all, context.weights, row,
                                                [&](const auto& window) { return window.of(x, 1).clone(); });
  double number = 0;
  const at::Tensor numbers = pipeline::overWindows(all, context.weights, row, [&](const auto& window) {
    return at::full_like(window.of(x, 1), number++);
  });
  return {{"frames", at::tensor(frames)}, {"count", at::tensor(count)}, {"same", same}, {"numbers", numbers}};
}

Tensors frameWeights(const Json& config, const Tensors&) {
  return {{"weights", at::tensor(nn::frameWeights(weightsOf(config), config.at("length")))}};
}

}  // namespace

const bool kWindowsRegistered =
    addProbe("pipeline.windows", windows) && addProbe("nn.frame_weights", frameWeights);

}  // namespace cameo::test
