#include <ATen/ATen.h>

#include <cmath>

#include "samplers/exploding.h"
#include "samplers/makers.h"
#include "samplers/runge_kutta.h"

namespace cameo::samplers {

namespace {

constexpr double kLeastTolerance = 1e-7;  // fp32's rounding is no smaller

/// The probability flow (arXiv 2011.13456, section 4.3) by Runge-Kutta's method of order 5 with steps as long
/// as the tolerances allow; on the exploding scale it is dx / dsigma = eps. Its steps are stretches of sigma
/// between which progress is told; the last one leads from the smallest trained sigma to the clean estimate.
class ProbabilityFlow : public Sampler {
 public:
  ProbabilityFlow(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, kUnspaced)),
        table_(schedule()),
        sigmas_(shapedSigmas(SigmaShape::Karras, table_.smallest(), table_.largest(), steps)),
        solver_({config.number("relative_tolerance", 1e-5, kLeastTolerance, 1),
                 config.number("absolute_tolerance", 1e-5, kLeastTolerance, 1)}) {}

  int64_t steps() const override { return std::ssize(sigmas_); }
  Level level(size_t index) const override { return at(sigmas_[index]); }
  bool choosesEvaluations() const override { return true; }
  double initialScale() const override { return sigmas_.front(); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    if (index + 1 == sigmas_.size()) return model(x, at(sigmas_[index])).clean;
    const auto slope = [&](double sigma, const State& state) {
      return State{model(state[0], at(sigma)).noise};
    };
    return solver_.integrate(slope, {x}, sigmas_[index], sigmas_[index + 1])[0];
  }

 private:
  Level at(double sigma) const { return explodingLevel(table_.timeOf(sigma), sigma); }

  SigmaTable table_;
  std::vector<double> sigmas_;
  RungeKutta solver_;
};

}  // namespace

std::unique_ptr<Sampler> makeProbabilityFlow(const Config& config, int64_t steps) {
  return std::make_unique<ProbabilityFlow>(config, steps);
}

}  // namespace cameo::samplers
