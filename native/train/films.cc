#include "train/films.h"

#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include "core/error.h"
#include "core/rng.h"

namespace cameo::train {

void requireFrames(int64_t frames, int64_t fewest, int64_t step) {
  if (frames % step == fewest % step) return;
  throw Error(ErrorCode::InvalidOption,
              c10::str("data.frames: ", frames, " is not allowed; this model learns on ", fewest, ", ",
                       fewest + step, ", ", fewest + 2 * step, " frames and so on"));
}

FilmDraws drawFilm(const pipeline::LatentCodec& codec, uint64_t seed, double drop_condition,
                   const Sample& sample) {
  const c10::AutoGradMode no_gradients(false);
  FilmDraws draws;
  draws.generator = generatorOf(seed, sample);
  draws.is_dropped = at::rand({}, draws.generator).item<double>() < drop_condition;
  const at::Tensor pictures = picturesOf(codec, sample);
  const models::Posterior all = latentsOf(codec, sample, pictures);
  const int64_t count = all.mean.size(0) - sample.references;
  if (pictures.defined()) draws.pixels = pictures.narrow(0, 0, pictures.size(0) - sample.references);
  const models::Posterior film{all.mean.narrow(0, 0, count), all.log_variance.narrow(0, 0, count)};
  draws.latents = codec.drawn(film, drawNormal(film.mean.sizes(), draws.generator));
  if (sample.references > 0) {
    draws.references = codec.scaled(all.mean.narrow(0, count, sample.references));
  }
  return draws;
}

}  // namespace cameo::train
