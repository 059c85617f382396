#include "pipeline/start.h"

#include <ATen/ATen.h>

#include <utility>

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

int64_t startPictures(const Pipeline& pipeline, const SampleRequest& request, const Film& film) {
  return needsLatents(pipeline.useOfFilm(request)) ? knownPictures(film) : 0;
}

Start startOf(const Pipeline& pipeline, const SampleRequest& request, Film film,
              const samplers::Sampler& sampler, const FilmNoise& noise, const std::function<void()>& onEach) {
  const FilmUse use = pipeline.useOfFilm(request);
  Start start;
  start.film = std::move(film);
  start.holds = use.holds_to;
  if (use.noises_image) start.image_noise = noise.drawPixels();
  if (use.draws_image) start.posterior_noise = noise.drawPictures(request.frames);
  if (use.samples_image) start.image_latent_noise = noise.drawPictures(1);
  if (needsLatents(use)) {
    const at::Tensor drawn = noise.drawPosterior(knownPictures(start.film));
    start.clean = encodeFilm(pipeline, request, start.film, drawn, onEach);
  }
  const at::Tensor first = needsLatents(use) ? noise.draw(/*frame_by_frame=*/true) : noise.initial();
  if (start.film.mask.defined()) start.masked_noise = noise.drawPictures(start.film.maskedCount());
  start.is_from_film = use.starts_from;
  if (use.starts_from) start.step = firstStep(sampler, request.strength);
  if (start.holds) {
    start.painted = latentMask(start.film, first.size(3), first.size(4)).to(first.device()).gt(0.5);
  }
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
  return at::where(painted, latents, kept);
}

}  // namespace cameo::pipeline
