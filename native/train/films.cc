#include "train/films.h"

#include <c10/core/GradMode.h>

#include "core/cancellation.h"
#include "core/rng.h"
#include "train/latents.h"

namespace cameo::train {

namespace {

/// Of all pixels, with `noise` (F', C, h, w) for the posterior.
at::Tensor encodedFilm(const pipeline::LatentCodec& codec, const at::Tensor& pixels,
                       const at::Tensor& noise) {
  if (codec.timeStride() > 1) return codec.encode(pixels, /*tiled=*/false, noise).latents;
  std::vector<at::Tensor> latents;
  for (int64_t i = 0; i < pixels.size(0); ++i) {
    throwIfCancelled();
    latents.push_back(codec.encode(pixels.narrow(0, i, 1), /*tiled=*/false, noise.narrow(0, i, 1)).latents);
  }
  return at::cat(latents);
}

}  // namespace

FilmDraws drawFilm(const pipeline::LatentCodec& codec, uint64_t seed, double drop_condition,
                   const Sample& sample) {
  const c10::AutoGradMode no_gradients(false);
  FilmDraws draws;
  draws.generator = generatorOf(seed, sample);
  draws.is_dropped = at::rand({}, draws.generator).item<double>() < drop_condition;
  draws.pixels = picturesOf(codec.stride(), sample.rgb, sample.width, sample.height);
  const at::Tensor noise = drawNormal({codec.latentFrames(draws.pixels.size(0)), codec.channels(),
                                       sample.height / codec.stride(), sample.width / codec.stride()},
                                      draws.generator);
  draws.latents = encodedFilm(codec, draws.pixels, noise);
  return draws;
}

}  // namespace cameo::train
