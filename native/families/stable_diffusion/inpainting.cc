#include "families/stable_diffusion/inpainting.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "families/stable_diffusion/conditioning.h"
#include "families/stable_diffusion/unet_denoiser.h"
#include "pipeline/pixels.h"
#include "pipeline/start.h"

namespace cameo::families {

namespace {

/// The latents of a film without its masked part, (1, 1 or F, C, h, w).
at::Tensor encodeMasked(const Inpainting& model, const pipeline::SampleRequest& request,
                        const pipeline::Start& start, const std::function<void()>& onEach) {
  const auto& [pictures, mask] = start.film;
  const auto pixels = [&](int64_t i) {
    const pipeline::RgbImage& picture = *pictures[pictures.size() == 1 ? 0 : i];
    const at::Tensor whole = pipeline::imageToTensor(picture.data.data(), picture.width, picture.height);
    return whole * (1 - mask.slice(0, mask.size(0) == 1 ? 0 : i).slice(0, 0, 1));
  };
  return pipeline::encodePictures(model, request, start.film.maskedCount(), pixels, start.masked_noise,
                                  onEach)
      .unsqueeze(0);
}

}  // namespace

void Inpainting::check(const pipeline::SampleRequest& request) const {
  checkCommon(request);
  const auto has = [&](const char* name) { return !request.picturesOf(name).empty(); };
  const auto missing = [](const std::string& name) {
    return Error(ErrorCode::InvalidOption,
                 name + " is missing: this model paints the white part of a mask anew");
  };
  if (!has("image") && !has("video")) throw missing("image");
  if (!has("mask")) throw missing("mask");
}

pipeline::FilmUse Inpainting::useOfFilm(const pipeline::SampleRequest& request) const {
  return {.starts_from = request.strength < 1, .image_in_every_frame = true};
}

std::unique_ptr<pipeline::Denoiser> Inpainting::denoiser(const pipeline::SampleRequest& request,
                                                         const pipeline::Start& start,
                                                         const samplers::NoiseSchedule& schedule,
                                                         const pipeline::OnProgress& onProgress,
                                                         pipeline::Recorder& recorder) const {
  const int64_t steps = 1 + start.film.maskedCount() + request.referenceCount();
  int64_t done = 0;
  const auto advance = [&] { onProgress({pipeline::Phase::Encode, ++done, steps, {}}); };
  const at::Tensor both = encodePrompts(*this, request, recorder);
  advance();
  const at::Tensor masked = encodeMasked(*this, request, start, advance);
  recorder.addVideo("image_latents", masked);
  const at::Tensor mask =
      pipeline::latentMask(start.film, masked.size(3), masked.size(4)).to(masked.options());
  const at::Tensor shown = at::cat({mask.expand({-1, masked.size(1), -1, -1, -1}), masked}, 2);
  const bool guided = !conditionScales(request).empty();
  const at::Tensor text = guided ? both : both.slice(0, 1);
  Conditions conditions{
      .text = text, .shown = shown.expand({text.size(0), -1, -1, -1, -1}), .unconditional = guided ? 1 : 0};
  if (request.referenceCount() > 0) {
    conditions.references = encodeReferences(*this, request, advance, recorder).latents;
    const at::Tensor kept =
        at::cat({at::zeros_like(conditions.references.slice(2, 0, 1)), conditions.references}, 2);
    // The unconditional branch sees no references.
    conditions.shown_references = text.size(0) == 1 ? kept : at::cat({at::zeros_like(kept), kept});
  }
  return denoiserOf(request, std::move(conditions), schedule, recorder);
}

}  // namespace cameo::families
