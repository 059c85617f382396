#include "families/stable_diffusion/instruct_pix2pix.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "families/stable_diffusion/conditioning.h"
#include "families/stable_diffusion/unet_denoiser.h"
#include "pipeline/pixels.h"

namespace cameo::families {

void InstructPix2Pix::check(const pipeline::SampleRequest& request) const {
  checkCommon(request);
  refuseMask(request);
  if (!request.picturesOf("image").empty()) return;
  throw Error(ErrorCode::InvalidOption, "image is missing: this model edits a picture, by the prompt");
}

std::vector<double> InstructPix2Pix::conditionScales(const pipeline::SampleRequest& request) const {
  if (StableDiffusion::conditionScales(request).empty() || request.image_guidance_scale < 1) return {};
  return {request.image_guidance_scale, request.guidance_scale};
}

std::unique_ptr<pipeline::Denoiser> InstructPix2Pix::denoiser(const pipeline::SampleRequest& request,
                                                              const samplers::NoiseSchedule& schedule,
                                                              const pipeline::OnProgress& onProgress,
                                                              pipeline::Recorder& recorder) const {
  const at::Tensor both = encodePrompts(*this, request, recorder);
  const at::Tensor negative = both.slice(0, 0, 1), prompt = both.slice(0, 1);
  onProgress({pipeline::Phase::Encode, 1, 2, {}});
  at::Tensor picture;
  {
    const pipeline::DeviceVisit visit(vae->parameters(), device);
    const pipeline::RgbImage& image = request.picturesOf("image").front();
    const at::Tensor pixels = pipeline::imageToTensor(image.data.data(), image.width, image.height);
    picture = vae->unscaled(codec().encode(pixels, request.vae_tiling).latents).unsqueeze(1);
  }
  onProgress({pipeline::Phase::Encode, 2, 2, {}});
  recorder.addVideo("image_latents", picture);
  if (conditionScales(request).empty()) {
    return denoiserOf(request, {.text = prompt, .shown = picture}, schedule, recorder);
  }
  Conditions conditions{.text = at::cat({negative, negative, prompt}),
                        .shown = at::cat({at::zeros_like(picture), picture, picture}),
                        .unconditional = 2};
  return denoiserOf(request, std::move(conditions), schedule, recorder);
}

}  // namespace cameo::families
