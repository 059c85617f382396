#pragma once

#include <memory>
#include <vector>

#include "families/vae_codec.h"
#include "models/clip_text.h"
#include "models/clip_vision.h"
#include "models/ip_adapter.h"
#include "models/space_time_unet/dynamicrafter_unet.h"
#include "pipeline/pipeline.h"
#include "weights/dynamicrafter.h"

namespace cameo::families {

/// DynamiCrafter (arXiv 2310.12190): a film of a picture and a prompt, or of what lies between two pictures.
/// Its branches: the negative prompt and a grey picture, the prompt and the picture; both are shown its
/// latents.
struct DynamiCrafter : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override;
  const pipeline::LatentCodec& codec() const override { return *vae_codec; }
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const override;
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest&) const override {
    return {.image_in_every_frame = true, .draws_image = true};
  }
  bool takesAnySize(const std::string& option) const override {
    return option == "image" || option == "lastImage";
  }
  bool takesLoras() const override { return false; }
  int64_t largestTensor(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  std::unique_ptr<models::ClipText> text_encoder;
  std::unique_ptr<models::ClipVision> image_encoder;
  std::unique_ptr<models::IpAdapter> picture;  // makes tokens of a picture, and reads them
  std::unique_ptr<models::Vae> vae;
  std::unique_ptr<models::DynamiCrafterUNet> unet;
  std::unique_ptr<VaeCodec> vae_codec;  // the VAE's
  weights::DynamiCrafterFacts facts;
};

/// Throws as `loadPipeline`; options that it has no use for are refused by name.
std::unique_ptr<pipeline::Pipeline> loadDynamiCrafter(const weights::BaseModel& base,
                                                      const pipeline::LoadOptions& options,
                                                      const pipeline::OnProgress& onProgress,
                                                      const Cancellation& cancellation);

}  // namespace cameo::families
