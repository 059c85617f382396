#pragma once

#include "families/stable_diffusion/stable_diffusion.h"

namespace cameo::families {

/// Stable Diffusion's inpainting model: paints the white part of a mask anew, by the prompt; with motion
/// modules in a film's frames. The UNet also sees the mask and the latents of the picture without that part;
/// of a reference no part is masked.
struct Inpainting : StableDiffusion {
  using StableDiffusion::StableDiffusion;

  void check(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;
  std::string family() const override { return "inpainting"; }
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest& request) const override;
  bool seesMask() const override { return true; }
  int64_t inputChannels() const override { return 2 * vae->config().latent_channels + 1; }
};

}  // namespace cameo::families
