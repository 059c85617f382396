#include <ATen/ATen.h>

#include <cmath>

#include "samplers/makers.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

/// The deviation of a step's fresh noise, of the posterior's variance and of the step's beta. diffusers takes
/// "fixed_small_log" as the variance's root and "fixed_large_log" as the root of a logarithm, which is no
/// number and is not offered.
using Deviation = double (*)(double posterior, double beta);
const std::map<std::string, Deviation> kDeviations{
    {"fixed_small", [](double posterior, double) { return std::sqrt(posterior); }},
    {"fixed_small_log", [](double posterior, double) { return std::sqrt(posterior); }},
    {"fixed_large", [](double, double beta) { return std::sqrt(beta); }}};

/// Denoising Diffusion Probabilistic Models (arXiv 2006.11239), equations 6 and 7, over any of the timesteps.
class Ddpm : public Sampler {
 public:
  Ddpm(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config), readClip(config, true)),
        deviation_(config.oneOf("variance_type", kDeviations, kDeviations.at("fixed_small"))),
        timesteps_(wholeTimesteps(schedule().config(), steps)) {
    requireSignalForEpsilon(config, schedule(), timesteps_);
  }

  int64_t steps() const override { return std::ssize(timesteps_); }
  Level level(size_t index) const override { return schedule().level(timesteps_[index]); }

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw& draw) override {
    const int64_t timestep = timesteps_[index];
    const bool is_last = index + 1 == timesteps_.size();
    const double alpha = schedule().alphaCumprod(timestep);
    const double alpha_to = is_last ? 1 : schedule().alphaCumprod(timesteps_[index + 1]);
    const double kept = alpha / alpha_to, beta = 1 - kept;
    const Estimate estimate = model(x, schedule().level(timestep));
    const at::Tensor mean = std::sqrt(alpha_to) * beta / (1 - alpha) * estimate.clean +
                            std::sqrt(kept) * (1 - alpha_to) / (1 - alpha) * x;
    if (timestep == 0) return mean;
    const double posterior = std::max((1 - alpha_to) / (1 - alpha) * beta, 1e-20);
    return mean + deviation_(posterior, beta) * draw();
  }

 private:
  Deviation deviation_;
  std::vector<int64_t> timesteps_;
};

}  // namespace

std::unique_ptr<Sampler> makeDdpm(const Config& config, int64_t steps) {
  return std::make_unique<Ddpm>(config, steps);
}

}  // namespace cameo::samplers
