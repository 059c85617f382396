#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "pipeline/film.h"
#include "pipeline/film_noise.h"
#include "samplers/sampler.h"

namespace cameo::pipeline {

/// What sampling begins with: the latents that enter its first step, which step that is, and what later ones
/// are held to.
struct Start {
  int64_t step = 0;
  at::Tensor latents;               // (1, F, C, h, w), as noisy as the sampler has them at that step
  at::Tensor noise;                 // (1, F, C, h, w): the run's first, of deviation 1
  Film film = {};                   // none: begun with noise alone
  at::Tensor clean = {};            // (1, 1 or F, C, h, w): the film's latents, where a step needs them
  at::Tensor masked_noise = {};     // (n, C, h, w): for latents of the film without its masked part
  at::Tensor image_noise = {};      // (1, 3, H, W), on the CPU: for `image`, where it is noised as a picture
  at::Tensor posterior_noise = {};  // (F, C, h, w), on the CPU: for latents of `image`, where they are drawn
  at::Tensor image_latent_noise = {};  // (1, C, h, w), on the CPU: for a sample of `image`'s latents
  bool is_from_film = false;           // the first step has the film in its latents
  bool holds = false;                  // steps are held to the film outside of its mask
  at::Tensor painted = {};  // (1, 1 or F, 1, h, w), bool: where they are not; undefined: nowhere held

  /// Sets the noise, and of it the latents that enter the first step.
  void beginWith(const at::Tensor& first_noise, const samplers::Sampler& sampler);

  /// What `latents` (1, F, C, h, w) become after a step that led to `level`; none: to a clean sample. Where
  /// the film is kept, they are the film's, as noisy as they are, of the run's first noise.
  at::Tensor held(const at::Tensor& latents, const std::optional<samplers::Level>& level) const;
};

/// How many pictures of the request's film `startOf` encodes.
int64_t startPictures(const Pipeline& pipeline, const SampleRequest& request, const Film& film);

/// `noise` is drawn from in PyTorch's order: for a picture that is noised, for the film's latents, for the
/// first step, and for what a mask leaves of the film, even where nothing asks for that.
Start startOf(const Pipeline& pipeline, const SampleRequest& request, Film film,
              const samplers::Sampler& sampler, const FilmNoise& noise, const std::function<void()>& onEach);

}  // namespace cameo::pipeline
