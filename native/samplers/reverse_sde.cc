#include <ATen/ATen.h>

#include <cmath>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

/// The reverse of the variance-preserving SDE by Euler-Maruyama (Song et al. 2020, arXiv 2011.13456, equation
/// 6 and appendix E), over any of the timesteps; before each step `corrector_steps` of Langevin dynamics at
/// its level (algorithm 5), as long as `corrector_snr` makes them. The last step adds no noise.
class ReverseSde : public Sampler {
 public:
  ReverseSde(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, kLinspace)),
        corrector_steps_(config.integer("corrector_steps", 0, 0, 1000)),
        corrector_snr_(config.number("corrector_snr", 0.16, 1e-6, 10)),
        timesteps_(wholeTimesteps(schedule().config(), steps)) {
    requireSomeSignal(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& start, size_t index, const Model& model, const Draw& draw) override {
    const int64_t timestep = timesteps_[index];
    const bool is_last = index + 1 == timesteps_.size();
    const double alpha_to = is_last ? 1 : schedule().alphaCumprod(timesteps_[index + 1]);
    const Level level = schedule().level(timestep);
    const auto score = [&](const at::Tensor& x) { return model(x, level).noise / -level.noise; };
    at::Tensor x = start;
    for (int64_t i = 0; i < corrector_steps_; ++i) x = corrected(x, score(x), draw(), timestep);
    const double beta = std::log(alpha_to / schedule().alphaCumprod(timestep));  // integrated over the step
    const at::Tensor mean = (1 + beta / 2) * x + beta * score(x);
    return is_last ? mean : mean + std::sqrt(beta) * draw();
  }

 private:
  at::Tensor corrected(const at::Tensor& x, const at::Tensor& score, const at::Tensor& noise,
                       int64_t timestep) const {
    const double alpha =
        schedule().alphaCumprod(timestep) / (timestep > 0 ? schedule().alphaCumprod(timestep - 1) : 1);
    const auto length = [](const at::Tensor& of) { return of.flatten(1).norm(2, 1).mean().item<double>(); };
    const double length_of_score = length(score);
    if (length_of_score == 0) return x;
    const double ratio = corrector_snr_ * length(noise) / length_of_score;
    const double size = 2 * alpha * ratio * ratio;
    return x + size * score + std::sqrt(2 * size) * noise;
  }

  int64_t corrector_steps_;
  double corrector_snr_;
  std::vector<int64_t> timesteps_;
};

}  // namespace

std::unique_ptr<Sampler> makeReverseSde(const Config& config, int64_t steps) {
  return std::make_unique<ReverseSde>(config, steps);
}

}  // namespace cameo::samplers
