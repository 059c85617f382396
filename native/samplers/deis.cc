#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "samplers/makers.h"
#include "samplers/multistep.h"

namespace cameo::samplers {

namespace {

constexpr int64_t kFewDeisSteps = 15;  // below this, the last steps are of lower order
const std::map<std::string, bool> kDeisAlgorithms{{"deis", true}, {"dpmsolver", true}, {"dpmsolver++", true}};
const std::map<std::string, bool> kDeisSolvers{
    {"logrho", true}, {"midpoint", true}, {"heun", true}, {"bh1", true}, {"bh2", true}};

/// The integral over rho of a polynomial through the noise at the last levels, exact in log rho: with t = log
/// rho, the integral of (t - c) / (b - c), and of (t - c)(t - d) / ((b - c)(b - d)), times rho dt.
double integral1(double t, double b, double c) {
  return std::exp(t) * (t - c - 1) / (b - c);
}
double integral2(double t, double b, double c, double d) {
  return std::exp(t) * (c * (d - t + 1) - d * t + d + t * t - 2 * t + 2) / ((b - c) * (b - d));
}

/// Diffusion exponential integrator, log-rho multistep, of order 1 to 3 (arXiv 2204.13902).
class Deis : public Sampler {
 public:
  Deis(const Config& config, int64_t steps)
      : Sampler(readMultistepSchedule(config)),
        order_(config.integer("solver_order", 2, 1, 3)),
        lower_at_end_(config.boolean("lower_order_final", true)),
        levels_(multistepLevels(config, schedule(), steps,
                                {.shaped_end_at_own_smallest = true, .final_choice = false})),
        history_(3) {
    config.oneOf("algorithm_type", kDeisAlgorithms, true);
    config.oneOf("solver_type", kDeisSolvers, true);
  }

  int64_t steps() const override { return std::ssize(levels_) - 1; }
  Level level(size_t index) const override { return levels_[index]; }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    const Level &from = levels_[index], &to = levels_[index + 1];
    history_.remember(model(x, from).noise, from);
    const int64_t order = orderAt(index);
    // At equal levels, where shaped sigmas end, nothing is left to do.
    if (order == 1) {
      const ExponentialStep exact = exponentialStep(from, to, false);
      return exact.kept * x - exact.scale * std::expm1(exact.h) * history_.value(0);
    }
    const double t = -logSnr(to), s0 = -history_.logSnr(0), s1 = -history_.logSnr(1);
    at::Tensor sum = x / from.signal;
    if (order == 2) {
      sum = sum + (integral1(t, s0, s1) - integral1(s0, s0, s1)) * history_.value(0) +
            (integral1(t, s1, s0) - integral1(s0, s1, s0)) * history_.value(1);
    } else {
      const double s2 = -history_.logSnr(2);
      sum = sum + (integral2(t, s0, s1, s2) - integral2(s0, s0, s1, s2)) * history_.value(0) +
            (integral2(t, s1, s2, s0) - integral2(s0, s1, s2, s0)) * history_.value(1) +
            (integral2(t, s2, s0, s1) - integral2(s0, s2, s0, s1)) * history_.value(2);
    }
    return to.signal * sum;
  }

 private:
  int64_t orderAt(size_t index) const {
    const bool few = steps() < kFewDeisSteps && lower_at_end_;
    if (few && isNearEnd(index, steps(), 1)) return 1;
    const int64_t most = few && isNearEnd(index, steps(), 2) ? 2 : order_;
    return std::min({order_, most, static_cast<int64_t>(history_.size())});
  }

  int64_t order_;
  bool lower_at_end_;
  std::vector<Level> levels_;
  History history_;
};

}  // namespace

std::unique_ptr<Sampler> makeDeis(const Config& config, int64_t steps) {
  return std::make_unique<Deis>(config, steps);
}

}  // namespace cameo::samplers
