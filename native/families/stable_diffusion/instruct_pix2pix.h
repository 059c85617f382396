#pragma once

#include "families/stable_diffusion/stable_diffusion.h"

namespace cameo::families {

/// InstructPix2Pix (arXiv 2211.09800): edits a picture by an instruction, which is the prompt; with motion
/// modules a film, each frame of which is its picture. The UNet also sees the picture's latents, unscaled.
/// Its branches: nothing, the picture, the picture and the instruction.
struct InstructPix2Pix : StableDiffusion {
  using StableDiffusion::StableDiffusion;

  void check(const pipeline::SampleRequest& request) const override;
  std::vector<double> conditionScales(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;
  std::string family() const override { return "instruct-pix2pix"; }
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest&) const override {
    return {.image_in_every_frame = true};
  }
  bool isGuidedByImage() const override { return true; }
  int64_t inputChannels() const override { return 2 * vae->config().latent_channels; }
};

}  // namespace cameo::families
