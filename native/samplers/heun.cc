#include <ATen/ATen.h>

#include "samplers/exploding.h"
#include "samplers/makers.h"

namespace cameo::samplers {

namespace {

/// Heun's second-order steps along the probability flow (arXiv 2206.00364, algorithm 1 without churn): the
/// mean of the slopes at both ends.
class Heun : public ExplodingSampler {
 public:
  Heun(const Config& config, int64_t steps)
      : ExplodingSampler(readDiffusionSchedule(config, kStableDiffusionLinspace),
                         {.steps = steps, .shape = readSigmaShape(config)}, readClip(config, false)) {}

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    const Level &from = levels()[index], &to = levels()[index + 1];
    const auto slope = [&](const at::Tensor& at, const Level& level) {
      return (at - model(at, level).clean) / level.noise;
    };
    const double change = to.noise - from.noise;
    const at::Tensor first = slope(x, from);
    const at::Tensor trial = x + first * change;
    if (to.noise == 0) return trial;
    return x + (first + slope(trial, to)) / 2 * change;
  }
};

}  // namespace

std::unique_ptr<Sampler> makeHeun(const Config& config, int64_t steps) {
  return std::make_unique<Heun>(config, steps);
}

}  // namespace cameo::samplers
