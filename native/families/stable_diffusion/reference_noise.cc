#include "families/stable_diffusion/reference_noise.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/rng.h"

namespace cameo::families {

NoisyReferences::NoisyReferences(const at::Tensor& clean, int64_t unconditional, int64_t branches,
                                 const pipeline::SampleRequest& request,
                                 const samplers::NoiseSchedule& schedule)
    : clean_(clean),
      unconditional_(unconditional),
      branches_(branches),
      alpha_(request.reference_noise),
      mode_(request.reference_noise_mode),
      schedule_(schedule),
      generator_(makeGenerator(request.seed, RandomStream::ReferenceNoise)),
      accumulated_(ofBranches(clean)) {}

at::Tensor NoisyReferences::ofBranches(const at::Tensor& references) const {
  const auto rows = [](const at::Tensor& x, int64_t count) { return x.expand({count, -1, -1, -1, -1}); };
  return at::cat(
      {rows(at::zeros_like(references), unconditional_), rows(references, branches_ - unconditional_)});
}

at::Tensor NoisyReferences::at(double time, const at::Tensor& frames) {
  if (alpha_ == 0) return accumulated_;
  // Flow matching's time may be the number of timesteps itself, EDM's is a logarithm.
  const auto noise_timestep =
      std::clamp<int64_t>(static_cast<int64_t>(alpha_ * time), 0, schedule_.config().train_timesteps - 1);
  if (mode_ == pipeline::ReferenceNoiseMode::AsReleased) {
    accumulated_ = schedule_.addNoise(accumulated_, frames.mean(1, /*keepdim=*/true), noise_timestep);
    return accumulated_;
  }
  const at::Tensor noise = drawNormal(clean_.sizes(), generator_).to(clean_.device());
  return ofBranches(schedule_.addNoise(clean_, noise, noise_timestep));
}

}  // namespace cameo::families
