#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "samplers/makers.h"
#include "samplers/multistep.h"

namespace cameo::samplers {

namespace {

constexpr int64_t kFewSteps = 15;  // below this, the last steps are of lower order

struct DpmAlgorithm {
  bool of_clean;  // DPM-Solver++: in the clean sample; else in the noise
  bool stochastic;
};
const std::map<std::string, DpmAlgorithm> kDpmAlgorithms{{"dpmsolver++", {true, false}},
                                                         {"dpmsolver", {false, false}},
                                                         {"sde-dpmsolver++", {true, true}},
                                                         {"sde-dpmsolver", {false, true}}};
const std::map<std::string, bool> kIsMidpoint{
    {"midpoint", true}, {"heun", false}, {"logrho", true}, {"bh1", true}, {"bh2", true}};

/// DPM-Solver++ (arXiv 2211.01095) and DPM-Solver (arXiv 2206.00927), multistep, of order 1 to 3, for the ODE
/// and for the SDE.
class DpmMultistep : public Sampler {
 public:
  DpmMultistep(const Config& config, int64_t steps)
      : Sampler(readMultistepSchedule(config)),
        algorithm_(config.oneOf("algorithm_type", kDpmAlgorithms, DpmAlgorithm{true, false})),
        is_midpoint_(config.oneOf("solver_type", kIsMidpoint, true)),
        order_(config.integer("solver_order", 2, 1, 3)),
        lower_at_end_(config.boolean("lower_order_final", true)),
        euler_at_end_(config.boolean("euler_at_final", false)),
        levels_(multistepLevels(config, schedule(), steps,
                                {.lu_lambdas = true,
                                 .lambda_clipped = true,
                                 .fractional_cosine_times = true,
                                 .takes_pure_noise = algorithm_.of_clean})),
        history_(3) {
    if (levels_.back().noise == 0 && !algorithm_.of_clean) {
      config.fail("final_sigmas_type", "this algorithm_type needs sigma_min, or choose dpmsolver++");
    }
    if (order_ == 3 && algorithm_.stochastic && !algorithm_.of_clean) {
      config.fail("solver_order", "sde-dpmsolver has orders 1 and 2");
    }
  }

  int64_t steps() const override { return std::ssize(levels_) - 1; }
  Level level(size_t index) const override { return levels_[index]; }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const Level &from = levels_[index], &to = levels_[index + 1];
    const Estimate estimate = model(x, from);
    history_.remember(algorithm_.of_clean ? estimate.clean : estimate.noise, from);
    ExponentialStep exact = exponentialStep(from, to, algorithm_.of_clean);
    if (!algorithm_.stochastic) return solve(x, exact, orderAt(index));
    const double change = std::abs(exact.h);
    double fresh = 0;
    if (algorithm_.of_clean) {
      exact.kept *= std::exp(-change);
      exact.h *= 2;
      fresh = to.noise * std::sqrt(-std::expm1(-2 * change));
    } else {
      exact.scale *= 2;
      fresh = to.noise * std::sqrt(std::expm1(2 * change));
    }
    return solve(x, exact, orderAt(index)) + fresh * draw();
  }

 private:
  int64_t orderAt(size_t index) const {
    if (levels_[index].noise == levels_[index + 1].noise) return 1;  // nothing is left to do
    const bool few = steps() < kFewSteps && lower_at_end_;
    const bool is_last = isNearEnd(index, steps(), 1);
    if (is_last && (few || euler_at_end_ || levels_.back().noise == 0)) return 1;
    const int64_t most = few && isNearEnd(index, steps(), 2) ? 2 : order_;
    return std::min({order_, most, static_cast<int64_t>(history_.size())});
  }

  /// The exact step for the last value, and the parts of its first and second derivatives over logSnr.
  at::Tensor solve(const at::Tensor& x, const ExponentialStep& exact, int64_t order) const {
    const auto [kept, scale, h] = exact;
    const double phi = std::expm1(h);
    const at::Tensor first = kept * x - scale * phi * history_.value(0);
    if (order == 1) return first;
    const double change = algorithm_.of_clean && algorithm_.stochastic ? std::abs(h) / 2 : std::abs(h);
    const double back0 = (history_.logSnr(0) - history_.logSnr(1)) / change;
    const at::Tensor slope0 = (history_.value(0) - history_.value(1)) / back0;
    if (order == 2) return first - (is_midpoint_ ? scale * phi / 2 : scale * (phi / h - 1)) * slope0;
    const double back1 = (history_.logSnr(1) - history_.logSnr(2)) / change;
    const at::Tensor slope1 = (history_.value(1) - history_.value(2)) / back1;
    const at::Tensor bend = (slope0 - slope1) / (back0 + back1);
    const at::Tensor slope = slope0 + back0 * bend;
    // As in diffusers, half of what the expansion gives, so that the order is 2; and diffusers' sign, which
    // for the SDE is not the one that the expansion gives.
    const double half = algorithm_.stochastic ? 0.5 : -0.5;
    return first - scale * (phi / h - 1) * slope - scale * ((phi - h) / (h * h) + half) * bend;
  }

  DpmAlgorithm algorithm_;
  bool is_midpoint_;
  int64_t order_;
  bool lower_at_end_, euler_at_end_;
  std::vector<Level> levels_;
  History history_;
};

}  // namespace

std::unique_ptr<Sampler> makeDpmMultistep(const Config& config, int64_t steps) {
  return std::make_unique<DpmMultistep>(config, steps);
}

}  // namespace cameo::samplers
