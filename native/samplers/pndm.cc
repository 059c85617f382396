#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

constexpr size_t kRungeKuttaSteps = 3;

/// Pseudo numerical methods (arXiv 2202.09778): a linear multistep method of order 4 over the last outputs,
/// begun either by steps of lower order or by three Runge-Kutta steps.
class Pndm : public Sampler {
 public:
  Pndm(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config)),
        runge_kutta_(!config.boolean("skip_prk_steps", false)),
        alpha_to_one_(config.boolean("set_alpha_to_one", false)),
        stride_(schedule().config().train_timesteps / steps),
        timesteps_(wholeTimesteps(schedule().config(), steps)) {
    requireSomeSignal(config, schedule(), timesteps_);
    if (!runge_kutta_ || steps > static_cast<int64_t>(kRungeKuttaSteps)) return;
    throw Error(ErrorCode::InvalidOption,
                c10::str("steps: ", steps, " is not allowed; PNDM with Runge-Kutta steps takes 4 or more"));
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    if (runge_kutta_ && index < kRungeKuttaSteps) return rungeKuttaStep(x, index, model);
    remember(output(x, timesteps_[index], model));
    const int64_t from = timesteps_[index], to = from - stride_;
    if (outputs_.size() > 1 || index + 1 == timesteps_.size()) return transfer(x, from, to, combined());
    // The first step is made twice: with its own output, then with the mean of it and of the next one's.
    const int64_t next = timesteps_[index + 1];
    const at::Tensor trial = transfer(x, from, to, outputs_.back());
    return transfer(x, next + stride_, next, (output(trial, next, model) + outputs_.back()) / 2);
  }

 private:
  /// What the network gave: eps, or v where it predicts that.
  at::Tensor output(const at::Tensor& x, int64_t timestep, const Model& model) const {
    // Halfway to a timestep that is the last one already, for the offset, there is none.
    const Level level = schedule().level(std::min(timestep, schedule().config().train_timesteps - 1));
    const Estimate estimate = model(x, level);
    if (schedule().config().prediction != Prediction::VPrediction) return estimate.noise;
    return level.signal * estimate.noise - level.noise * estimate.clean;
  }

  void remember(at::Tensor output) {
    if (outputs_.size() == 4) outputs_.erase(outputs_.begin());
    outputs_.push_back(std::move(output));
  }

  at::Tensor combined() const {
    const auto last = [&](size_t back) { return outputs_[outputs_.size() - back]; };
    switch (outputs_.size()) {
      case 1:
        return last(1);
      case 2:
        return (3 * last(1) - last(2)) / 2;
      case 3:
        return (23 * last(1) - 16 * last(2) + 5 * last(3)) / 12;
      default:
        return (55 * last(1) - 59 * last(2) + 37 * last(3) - 9 * last(4)) / 24;
    }
  }

  at::Tensor rungeKuttaStep(const at::Tensor& x, size_t index, const Model& model) {
    const int64_t from = timesteps_[index], to = timesteps_[index + 1], half = stride_ / 2;
    const at::Tensor first = output(x, from, model);
    remember(first);
    const at::Tensor second = output(transfer(x, from, from - half, first), to + half, model);
    const at::Tensor third = output(transfer(x, from, to + half, second), to + half, model);
    const at::Tensor fourth = output(transfer(x, from, to, third), to, model);
    return transfer(x, from, to, (first + 2 * second + 2 * third + fourth) / 6);
  }

  /// Equation 9: x at `to` of x at `from`, along `output`.
  at::Tensor transfer(const at::Tensor& x, int64_t from, int64_t to, const at::Tensor& output) const {
    const int64_t last = schedule().config().train_timesteps - 1;
    const Level a = schedule().level(std::min(from, last)), b = levelBelow(schedule(), to, 0, alpha_to_one_);
    const bool is_v = schedule().config().prediction == Prediction::VPrediction;
    const at::Tensor eps = is_v ? a.signal * output + a.noise * x : output;
    const double change = b.signal * b.signal - a.signal * a.signal;
    const double scale = a.signal * a.signal * b.noise + a.signal * a.noise * b.signal;
    return b.signal / a.signal * x - change / scale * eps;
  }

  bool runge_kutta_;
  bool alpha_to_one_;
  int64_t stride_;
  std::vector<int64_t> timesteps_;
  std::vector<at::Tensor> outputs_;  // at most 4, the last one last
};

}  // namespace

std::unique_ptr<Sampler> makePndm(const Config& config, int64_t steps) {
  return std::make_unique<Pndm>(config, steps);
}

}  // namespace cameo::samplers
