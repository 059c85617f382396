#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/device.h"
#include "families/stable_diffusion/conditioner.h"
#include "families/vae_codec.h"
#include "models/clip_text.h"
#include "models/clip_vision.h"
#include "models/control/controlnet.h"
#include "models/ip_adapter.h"
#include "models/unet.h"
#include "pipeline/pipeline.h"
#include "weights/base_model.h"

namespace cameo::families {

/// Stable Diffusion 1.5: stills; with AnimateDiff's motion modules films; with VideoMaker's subject model
/// films that star a subject.
struct StableDiffusion : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override;
  const pipeline::LatentCodec& codec() const override { return *vae_codec; }
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const final;
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest& request) const override;
  int64_t largestTensor(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  /// What `describe()` calls it.
  virtual std::string family() const { return unet->config().motion ? "animatediff" : "stable-diffusion"; }
  /// Whether guidance goes by the picture that a request gives it, too: it edits that, and starts from noise.
  virtual bool isGuidedByImage() const { return false; }
  /// Whether its UNet sees what a mask leaves of a picture, which it can't do without.
  virtual bool seesMask() const { return false; }
  /// Of the UNet's input: the noisy latents', and what else it is shown.
  virtual int64_t inputChannels() const { return vae->config().latent_channels; }

  std::unique_ptr<models::ClipText> text_encoder;
  std::unique_ptr<models::Vae> vae;
  std::unique_ptr<models::UNet> unet;
  std::unique_ptr<VaeCodec> vae_codec;  // the VAE's
  std::vector<std::unique_ptr<models::ControlNet>> controls;
  std::unique_ptr<models::ClipVision> image_encoder;  // null without an adapter
  std::unique_ptr<models::IpAdapter> ip_adapter;      // null: pictures are no prompt
  bool has_subject = false;

 protected:
  /// Of guidance by what a request says and shows, which a model without motion modules has alone.
  virtual std::vector<double> conditionScales(const pipeline::SampleRequest& request) const;
  /// Of a request's conditions, with what other networks and guidance over time add to them.
  std::unique_ptr<pipeline::Denoiser> denoiserOf(const pipeline::SampleRequest& request,
                                                 Conditions conditions,
                                                 const samplers::NoiseSchedule& schedule,
                                                 pipeline::Recorder& recorder) const;
  /// What holds for all these models: prompts, references, sizes.
  void checkCommon(const pipeline::SampleRequest& request) const;
};

/// Loads a base model, motion modules and a subject's weights into `model`, which knows its device and type
/// and is otherwise empty.
void load(StableDiffusion& model, const weights::BaseModel& base, const pipeline::LoadOptions& options,
          const pipeline::OnProgress& onProgress, const Cancellation& cancellation);

template <typename Model = StableDiffusion>
std::unique_ptr<Model> loadStableDiffusion(const weights::BaseModel& base,
                                           const pipeline::LoadOptions& options,
                                           const pipeline::OnProgress& onProgress,
                                           const Cancellation& cancellation) {
  const c10::Device device = parseDevice(options.device, options.gpu);
  auto model = std::make_unique<Model>(device, parseDtype(options.dtype, device));
  load(*model, base, options, onProgress, cancellation);
  return model;
}

}  // namespace cameo::families
