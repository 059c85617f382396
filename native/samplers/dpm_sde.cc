#include <ATen/ATen.h>

#include <cmath>

#include "samplers/exploding.h"
#include "samplers/makers.h"

namespace cameo::samplers {

namespace {

/// DPM-Solver++ for the SDE, singlestep of order 2 (arXiv 2211.01095, as k-diffusion has it): by way of the
/// level halfway in log sigma. The noise of both parts is of one Brownian path.
class DpmSde : public ExplodingSampler {
 public:
  DpmSde(const Config& config, int64_t steps)
      : ExplodingSampler(readDiffusionSchedule(config, kStableDiffusionLinspace),
                         {.steps = steps, .shape = readSigmaShape(config)}),
        table_(schedule()) {
    if (schedule().config().prediction == Prediction::Sample) {
      config.fail("prediction_type", "epsilon and v_prediction are taken");
    }
  }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const Level &from = levels()[index], &to = levels()[index + 1];
    const Estimate estimate = model(x, from);
    if (to.noise == 0) return estimate.clean;
    if (to.noise == from.noise) return x;  // the spacing took a timestep twice
    const double halfway = std::sqrt(from.noise * to.noise);
    const Level middle = explodingLevel(table_.timeOf(halfway), halfway);
    const at::Tensor first = draw(), second = draw();
    const at::Tensor at_middle = ancestralStep(x, estimate.clean, from.noise, halfway, first);
    const at::Tensor whole =
        (std::sqrt(from.noise - halfway) * first + std::sqrt(halfway - to.noise) * second) /
        std::sqrt(from.noise - to.noise);
    return ancestralStep(x, model(at_middle, middle).clean, from.noise, to.noise, whole);
  }

 private:
  static at::Tensor ancestralStep(const at::Tensor& x, const at::Tensor& clean, double from, double to,
                                  const at::Tensor& noise) {
    const Ancestral parts = ancestral(from, to);
    const double kept = parts.down / from;
    return kept * x + (1 - kept) * clean + parts.up * noise;
  }

  SigmaTable table_;
};

}  // namespace

std::unique_ptr<Sampler> makeDpmSde(const Config& config, int64_t steps) {
  return std::make_unique<DpmSde>(config, steps);
}

}  // namespace cameo::samplers
