#include "pipeline/guidance.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "pipeline/windows.h"

namespace cameo::pipeline {

namespace {

at::Tensor deviationOfEach(const at::Tensor& x) {
  return x.flatten(1).std(1, /*unbiased=*/true).view({-1, 1, 1, 1, 1});
}

/// Between 1 and one more than the scale, by the timestep itself, as diffusers has it.
GuidanceScale dynamicScale(const GuidanceScale& scale, const Moment& moment) {
  const auto steps = static_cast<double>(moment.steps);
  const double turns = std::pow((steps - moment.time) / steps, 5.0);
  const double part = (1 - std::cos(std::numbers::pi * turns)) / 2;
  return {1 + scale.first * part, 1 + scale.last * part};
}

/// `difference` (1, F, C, h, w), each frame multiplied by what the scale is there.
at::Tensor scaledByFrame(const GuidanceScale& scale, const at::Tensor& difference) {
  if (scale.first == scale.last) return scale.first * difference;
  const at::Tensor scales = at::linspace(scale.first, scale.last, difference.size(1), difference.options());
  return scales.view({1, -1, 1, 1, 1}) * difference;
}

/// arXiv 2305.08891, equations 15 and 16.
at::Tensor rescaled(const at::Tensor& guided, const at::Tensor& conditional, double rescale) {
  const at::Tensor brought_back = guided * (deviationOfEach(conditional) / deviationOfEach(guided));
  return rescale * brought_back + (1 - rescale) * guided;
}

}  // namespace

at::Tensor predict(Denoiser& denoiser, const Guidance& guidance, const at::Tensor& latents,
                   const Moment& moment, const OnEvaluation& onEvaluation) {
  const double progress = moment.progress();
  const bool guided = progress >= guidance.range.from && progress < guidance.range.to;
  const int64_t all = denoiser.branches(), count = guided ? all : 1;
  const int64_t together = guidance.branches_apart ? 1 : count;
  denoiser.begin(latents, moment, count);
  const auto ofWindow = [&](const FrameWindow& window) {
    const at::Tensor input = denoiser.input(window);
    std::vector<at::Tensor> outputs;
    for (int64_t row = 0; row < count; row += together) {
      outputs.push_back(denoiser.evaluate(input.narrow(0, row, together), window, all - count + row));
    }
    const at::Tensor output = at::cat(outputs);
    onEvaluation({input, output});
    return output.narrow(1, 0, window.count());
  };
  const LatentRow row{.film = latents.size(1) - guidance.leading - guidance.trailing,
                      .leading = guidance.leading,
                      .trailing = guidance.trailing};
  const at::Tensor frames =
      overWindows(windowsOf(row, guidance.context, moment.step), guidance.context.weights, row, ofWindow);
  const auto branch = [&](int64_t i) { return frames.slice(0, i, i + 1); };
  at::Tensor result = branch(0);
  for (int64_t i = 0; i + 1 < count; ++i) {
    const GuidanceScale& asked = guidance.scales[i];
    const GuidanceScale scale = guidance.dynamic ? dynamicScale(asked, moment) : asked;
    result = result + scaledByFrame(scale, branch(i + 1) - branch(i));
  }
  if (count == 1 || guidance.rescale == 0) return result;
  return rescaled(result, branch(count - 1), guidance.rescale);
}

}  // namespace cameo::pipeline
