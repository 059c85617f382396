#pragma once

#include <map>
#include <optional>
#include <utility>

#include "families/stable_diffusion/conditioner.h"
#include "families/stable_diffusion/reference_noise.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// Stable Diffusion's UNet, with motion modules and references where it has them, and what else conditions
/// it. Its weights are on the device as long as it lives.
class UNetDenoiser : public pipeline::Denoiser {
 public:
  UNetDenoiser(const StableDiffusion& model, const pipeline::SampleRequest& request, Conditions conditions,
               const samplers::NoiseSchedule& schedule);

  int64_t branches() const override { return conditions_.text.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 private:
  at::Tensor withShown(const at::Tensor& images, const pipeline::FrameWindow& window) const;

  const StableDiffusion& model_;
  const pipeline::DeviceVisit visit_;
  const pipeline::SampleRequest& request_;
  Conditions conditions_;
  const nn::MotionOptions motion_;
  std::optional<NoisyReferences> references_;
  int64_t reference_count_ = 0;
  // By a window's frames, and the first of the branches that are computed together.
  std::map<std::pair<std::vector<int64_t>, int64_t>, models::FeatureCache> caches_;
  int64_t evaluations_ = 0;

  // Of the evaluation that was begun.
  at::Tensor latents_, seen_references_;
  pipeline::Moment moment_;
  int64_t count_ = 0;
};

}  // namespace cameo::families
