#pragma once

#include <memory>
#include <string>
#include <vector>

#include "families/vae_codec.h"
#include "models/clip_vision.h"
#include "models/video_unet/video_unet.h"
#include "pipeline/pipeline.h"
#include "weights/base_model.h"

namespace cameo::families {

/// Stable Video Diffusion (arXiv 2311.15127): a film of a picture, which CLIP sees whole and the UNet as
/// latents beside each frame's. Its branches: nothing, the picture.
struct StableVideoDiffusion : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override;
  const pipeline::LatentCodec& codec() const override { return *vae_codec; }
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const override;
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest&) const override {
    return {.image_in_every_frame = true, .noises_image = true};
  }
  bool takesAnySize(const std::string& option) const override { return option == "image"; }
  bool liesFrameByFrame() const override { return true; }
  int64_t largestTensor(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  std::unique_ptr<models::ClipVision> image_encoder;
  std::unique_ptr<models::Vae> vae;
  std::unique_ptr<models::VideoUNet> unet;
  std::unique_ptr<VaeCodec> vae_codec;  // the VAE's
};

/// Throws as `loadPipeline`; options that it has no use for are refused by name.
std::unique_ptr<pipeline::Pipeline> loadStableVideoDiffusion(const weights::BaseModel& base,
                                                             const pipeline::LoadOptions& options,
                                                             const pipeline::OnProgress& onProgress,
                                                             const Cancellation& cancellation);

}  // namespace cameo::families
