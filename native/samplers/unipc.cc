#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "samplers/makers.h"
#include "samplers/multistep.h"

namespace cameo::samplers {

namespace {

const std::map<std::string, bool> kIsBh1{
    {"bh1", true}, {"bh2", false}, {"midpoint", false}, {"heun", false}, {"logrho", false}};

/// UniPC (arXiv 2302.04867): a multistep predictor, and a corrector that uses what the network says at the
/// predicted sample, which costs no evaluation of its own.
class UniPc : public Sampler {
 public:
  UniPc(const Config& config, int64_t steps)
      : Sampler(readMultistepSchedule(config)),
        of_clean_(config.boolean("predict_x0", true)),
        is_bh1_(config.oneOf("solver_type", kIsBh1, false)),
        order_(config.integer("solver_order", 2, 1, 4)),
        lower_at_end_(config.boolean("lower_order_final", true)),
        levels_(multistepLevels(config, schedule(), steps,
                                {.shaped_end_at_own_smallest = true, .flow_from_one = true})),
        uncorrected_(config.numbers("disable_corrector", 1000)),
        history_(static_cast<size_t>(order_)) {
    config.requireUnset("solver_p");
    if (!of_clean_ && levels_.back().noise == 0) {
      config.fail("predict_x0", "without it, final_sigmas_type must be sigma_min");
    }
  }

  int64_t steps() const override { return std::ssize(levels_) - 1; }
  Level level(size_t index) const override { return levels_[index]; }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    const Level &from = levels_[index], &to = levels_[index + 1];
    const Estimate estimate = model(x, from);
    const at::Tensor value = of_clean_ ? estimate.clean : estimate.noise;
    at::Tensor corrected = x;
    const bool corrects = std::find(uncorrected_.begin(), uncorrected_.end(),
                                    static_cast<double>(index) - 1) == uncorrected_.end();
    if (before_.defined() && corrects)
      corrected = advance(before_, levels_[index - 1], from, last_order_, &value);
    history_.remember(value, from);
    const int64_t left = lower_at_end_ ? steps() - static_cast<int64_t>(index) : order_;
    last_order_ = std::min({order_, left, static_cast<int64_t>(history_.size())});
    if (to.noise == 0 || to.noise == from.noise) last_order_ = 1;  // no other is finite there
    before_ = corrected;
    return advance(corrected, from, to, last_order_, nullptr);
  }

 private:
  /// Algorithms 1 and 2: x at `to`, of `x` at `from` and the last values; corrected by `there`, the value at
  /// `to`, where that is given.
  at::Tensor advance(const at::Tensor& x, const Level& from, const Level& to, int64_t order,
                     const at::Tensor* there) const {
    const auto [kept, scale, h] = exponentialStep(from, to, of_clean_);
    const double change = logSnr(to) - logSnr(from), phi = std::expm1(h), B = is_bh1_ ? h : phi;
    const at::Tensor& now = history_.value(0);
    const at::Tensor plain = kept * x - scale * phi * now;
    std::vector<double> places;  // of the older values, in steps from now; then of the new one
    std::vector<at::Tensor> slopes;
    for (int64_t i = 1; i < order; ++i) {
      places.push_back((history_.logSnr(i) - history_.logSnr(0)) / change);
      slopes.push_back((history_.value(i) - now) / places.back());
    }
    places.push_back(1);
    if (there != nullptr) slopes.push_back(*there - now);
    if (slopes.empty()) return plain;
    const std::vector<double> weights = weightsOf(places, std::ssize(slopes), h, B, there != nullptr);
    at::Tensor sum = weights[0] * slopes[0];
    for (size_t i = 1; i < slopes.size(); ++i) sum = sum + weights[i] * slopes[i];
    return plain - scale * B * sum;
  }

  /// Equation 5's coefficients: the solution of R(places) w = b(h). Of order 1, and the predictor of order 2,
  /// they are one half, which is as exact.
  static std::vector<double> weightsOf(const std::vector<double>& places, int64_t count, double h, double B,
                                       bool corrects) {
    if (count == 1 && (places.size() == 1 || !corrects)) return {0.5};
    const at::Tensor R = at::empty({count, count}, at::kDouble), b = at::empty({count}, at::kDouble);
    double phi = std::expm1(h) / h - 1, factorial = 1;
    for (int64_t row = 0; row < count; ++row) {
      for (int64_t column = 0; column < count; ++column) {
        R[row][column] = std::pow(places[column], static_cast<double>(row));
      }
      b[row] = phi * factorial / B;
      factorial *= static_cast<double>(row + 2);
      phi = phi / h - 1 / factorial;
    }
    const at::Tensor solved = at::linalg_solve(R, b);
    return {solved.data_ptr<double>(), solved.data_ptr<double>() + count};
  }

  bool of_clean_, is_bh1_;
  int64_t order_;
  bool lower_at_end_;
  std::vector<Level> levels_;
  std::vector<double> uncorrected_;  // the steps that are not, counted from 0
  History history_;
  at::Tensor before_;  // the sample that the last step began with, corrected; undefined before the first
  int64_t last_order_ = 1;
};

}  // namespace

std::unique_ptr<Sampler> makeUniPc(const Config& config, int64_t steps) {
  return std::make_unique<UniPc>(config, steps);
}

}  // namespace cameo::samplers
