#include "families/stable_diffusion/instruct_pix2pix.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "families/stable_diffusion/conditioning.h"
#include "families/stable_diffusion/unet_denoiser.h"
#include "pipeline/start.h"

namespace cameo::families {

void InstructPix2Pix::check(const pipeline::SampleRequest& request) const {
  checkCommon(request);
  const auto has = [&](const char* name) { return !request.picturesOf(name).empty(); };
  const auto refuse = [](const std::string& message) { throw Error(ErrorCode::InvalidOption, message); };
  if (has("mask")) refuse("mask: this model edits all of a picture; leave it out");
  if (has("lastImage")) refuse("lastImage: this model edits a picture or a film; leave it out");
  if (request.strength != 1) refuse("strength: this model starts from noise; leave it out");
  if (!has("image") && !has("video")) refuse("image is missing: this model edits a picture, by the prompt");
}

std::vector<double> InstructPix2Pix::conditionScales(const pipeline::SampleRequest& request) const {
  if (StableDiffusion::conditionScales(request).empty() || request.image_guidance_scale < 1) return {};
  return {request.image_guidance_scale, request.guidance_scale};
}

std::unique_ptr<pipeline::Denoiser> InstructPix2Pix::denoiser(const pipeline::SampleRequest& request,
                                                              const pipeline::Start& start,
                                                              const samplers::NoiseSchedule& schedule,
                                                              const pipeline::OnProgress& onProgress,
                                                              pipeline::Recorder& recorder) const {
  const at::Tensor both = encodePrompts(*this, request, recorder);
  const at::Tensor negative = both.slice(0, 0, 1), prompt = both.slice(0, 1);
  const int64_t steps = 1 + pipeline::knownPictures(start.film);
  int64_t done = 0;
  const auto advance = [&] { onProgress({pipeline::Phase::Encode, ++done, steps, {}}); };
  advance();
  const at::Tensor picture = vae->unscaled(pipeline::encodeFilm(*this, request, start.film, {}, advance));
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
