#pragma once

#include <map>
#include <optional>
#include <utility>

#include "families/stable_diffusion/reference_noise.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "pipeline/denoiser.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// What a request's prompts and references are to the network.
struct Conditions {
  at::Tensor text;        // (branches, S, D): unconditional first
  at::Tensor references;  // (1, R, C, h, w); undefined without references
};

/// Stable Diffusion's UNet, with motion modules and references where it has them. Its weights are on the
/// device as long as it lives.
class UNetDenoiser : public pipeline::Denoiser {
 public:
  UNetDenoiser(const StableDiffusion& model, const pipeline::SampleRequest& request,
               const Conditions& conditions, const samplers::NoiseSchedule& schedule);

  int64_t branches() const override { return conditions_.text.size(0); }
  void begin(const at::Tensor& latents, double time, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 protected:
  /// How many branches are asked at this level, the last ones.
  int64_t count() const { return count_; }

 private:
  const StableDiffusion& model_;
  const pipeline::DeviceVisit visit_;
  const pipeline::SampleRequest& request_;
  Conditions conditions_;
  std::optional<NoisyReferences> references_;
  int64_t reference_count_ = 0;
  // By the first frame of a window, and the first of the branches that are computed together.
  std::map<std::pair<int64_t, int64_t>, models::FeatureCache> caches_;
  int64_t evaluations_ = 0;

  // Of the level that was begun.
  at::Tensor latents_, seen_references_;
  double time_ = 0;
  int64_t count_ = 0;
};

/// The same for a network that sees more beside the latents: channels that stay what they are.
class PictureDenoiser : public UNetDenoiser {
 public:
  /// `shown`: (branches, 1, C, h, w), of every frame.
  PictureDenoiser(const StableDiffusion& model, const pipeline::SampleRequest& request,
                  const at::Tensor& text, const at::Tensor& shown, const samplers::NoiseSchedule& schedule)
      : UNetDenoiser(model, request, {.text = text, .references = {}}, schedule), shown_(shown) {}

  at::Tensor input(const pipeline::FrameWindow& window) override;

 private:
  at::Tensor shown_;
};

}  // namespace cameo::families
