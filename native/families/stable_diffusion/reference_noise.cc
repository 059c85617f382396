#include "families/stable_diffusion/reference_noise.h"

#include <ATen/ATen.h>

#include "core/rng.h"

namespace cameo::families {

NoisyReferences::NoisyReferences(const at::Tensor& clean, bool guided, const pipeline::SampleRequest& request,
                                 const samplers::NoiseSchedule& schedule)
    : clean_(clean),
      guided_(guided),
      alpha_(request.reference_noise),
      mode_(request.reference_noise_mode),
      schedule_(schedule),
      generator_(makeGenerator(request.seed, RandomStream::ReferenceNoise)),
      accumulated_(withUnconditional(clean)) {}

at::Tensor NoisyReferences::withUnconditional(const at::Tensor& references) const {
  return guided_ ? at::cat({at::zeros_like(references), references}) : references;
}

at::Tensor NoisyReferences::at(double time, const at::Tensor& frames) {
  if (alpha_ == 0) return accumulated_;
  const auto noise_timestep = static_cast<int64_t>(alpha_ * time);
  if (mode_ == pipeline::ReferenceNoiseMode::AsReleased) {
    accumulated_ = schedule_.addNoise(accumulated_, frames.mean(1, /*keepdim=*/true), noise_timestep);
    return accumulated_;
  }
  const at::Tensor noise = drawNormal(clean_.sizes(), generator_).to(clean_.device());
  return withUnconditional(schedule_.addNoise(clean_, noise, noise_timestep));
}

}  // namespace cameo::families
