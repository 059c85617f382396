#include "pipeline/start.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::pipeline {

namespace {

/// The last steps, as many as `strength` has of all, as diffusers counts them.
int64_t firstStep(const samplers::Sampler& sampler, double strength) {
  return sampler.steps() - static_cast<int64_t>(static_cast<double>(sampler.steps()) * strength);
}

bool needsLatents(const FilmUse& use) {
  return use.starts_from || use.holds_to;
}

}  // namespace

int64_t startPictures(const Pipeline& pipeline, const SampleRequest& request) {
  const FilmUse use = pipeline.useOfFilm(request);
  return needsLatents(use) ? knownPictures(filmOf(request, use.image_in_every_frame)) : 0;
}

Start startOf(const Pipeline& pipeline, const SampleRequest& request, const samplers::Sampler& sampler,
              const FilmNoise& noise, const std::function<void()>& onEach) {
  const FilmUse use = pipeline.useOfFilm(request);
  Start start;
  start.film = filmOf(request, use.image_in_every_frame);
  start.holds = use.holds_to;
  if (needsLatents(use)) {
    const at::Tensor drawn = noise.drawPictures(knownPictures(start.film));
    start.clean = encodeFilm(pipeline, request, start.film, drawn, onEach);
  }
  const at::Tensor first = needsLatents(use) ? noise.draw(/*frame_by_frame=*/true) : noise.initial();
  if (start.film.mask.defined()) start.masked_noise = noise.drawPictures(start.film.maskedCount());
  start.is_from_film = use.starts_from;
  if (use.starts_from) start.step = firstStep(sampler, request.strength);
  start.beginWith(first, sampler);
  return start;
}

void Start::beginWith(const at::Tensor& first_noise, const samplers::Sampler& sampler) {
  noise = first_noise;
  if (is_from_film) {
    latents = samplers::mix({clean, noise}, sampler.level(step));
  } else {
    latents = sampler.initialScale() == 1 ? noise : noise * sampler.initialScale();
  }
}

at::Tensor Start::held(const at::Tensor& latents, const std::optional<samplers::Level>& level) const {
  if (!holds) return latents;
  const at::Tensor kept = level ? samplers::mix({clean, noise}, *level) : clean;
  const at::Tensor mask = latentMask(film, latents.size(3), latents.size(4)).to(latents.device());
  return at::where(mask.gt(0.5), latents, kept);
}

}  // namespace cameo::pipeline
