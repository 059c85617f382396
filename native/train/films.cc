#include "train/films.h"

#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include "core/cancellation.h"
#include "core/error.h"
#include "core/rng.h"
#include "train/latents.h"

namespace cameo::train {

namespace {

/// Of pictures (n, 3, H, W) one by one.
models::Posterior ofEach(const pipeline::LatentCodec& codec, const at::Tensor& pictures) {
  std::vector<at::Tensor> means, log_variances;
  for (const at::Tensor& picture : pictures.split(1)) {
    throwIfCancelled();
    const models::Posterior posterior = codec.posterior(picture, /*tiled=*/false);
    means.push_back(posterior.mean);
    log_variances.push_back(posterior.log_variance);
  }
  return {at::cat(means), at::cat(log_variances)};
}

/// Of the latents of a film, then of each reference.
models::Posterior encoded(const pipeline::LatentCodec& codec, const at::Tensor& film,
                          const at::Tensor& references) {
  const models::Posterior of_film =
      codec.timeStride() > 1 ? codec.posterior(film, /*tiled=*/false) : ofEach(codec, film);
  if (references.size(0) == 0) return of_film;
  const models::Posterior of_references = ofEach(codec, references);
  return {at::cat({of_film.mean, of_references.mean}),
          at::cat({of_film.log_variance, of_references.log_variance})};
}

/// What was kept, or is computed of the pixels, and kept where it is to be.
models::Posterior posteriorOf(const pipeline::LatentCodec& codec, const Sample& sample, FilmDraws& draws) {
  if (sample.kept) return {sample.kept->mean, sample.kept->log_variance};
  const at::Tensor all = picturesOf(codec.stride(), sample.rgb, sample.width, sample.height);
  const int64_t frames = all.size(0) - sample.references;
  draws.pixels = all.narrow(0, 0, frames);
  const models::Posterior found = encoded(codec, draws.pixels, all.narrow(0, frames, sample.references));
  if (!sample.cache_path.empty()) {
    writeLatents(sample.cache_path, {found.mean.to(at::kCPU), found.log_variance.to(at::kCPU)});
  }
  return found;
}

}  // namespace

void requireWholeLatents(const pipeline::LatentCodec& codec, int64_t frames) {
  const int64_t stride = codec.timeStride();
  if (stride == 1 || frames % stride == 1) return;
  throw Error(ErrorCode::InvalidOption,
              c10::str("data.frames: ", frames, " is not allowed; this model learns on 1, ", 1 + stride, ", ",
                       1 + 2 * stride, " frames and so on"));
}

FilmDraws drawFilm(const pipeline::LatentCodec& codec, uint64_t seed, double drop_condition,
                   const Sample& sample) {
  const c10::AutoGradMode no_gradients(false);
  FilmDraws draws;
  draws.generator = generatorOf(seed, sample);
  draws.is_dropped = at::rand({}, draws.generator).item<double>() < drop_condition;
  const models::Posterior all = posteriorOf(codec, sample, draws);
  const int64_t count = all.mean.size(0) - sample.references;
  const models::Posterior film{all.mean.narrow(0, 0, count), all.log_variance.narrow(0, 0, count)};
  draws.latents = codec.drawn(film, drawNormal(film.mean.sizes(), draws.generator));
  if (sample.references > 0) {
    draws.references = codec.scaled(all.mean.narrow(0, count, sample.references));
  }
  return draws;
}

}  // namespace cameo::train
