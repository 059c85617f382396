#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// The film that a request starts from, keeps in parts or edits.
struct Film {
  /// What frames show: one picture for all, or one a frame, null where nothing is known of a frame. None: the
  /// request has no film.
  std::vector<const RgbImage*> pictures = {};
  /// (1 or F, 1, H, W) on the CPU: 1 where a frame is painted anew, 0 where it stays; undefined: no mask.
  at::Tensor mask = {};

  /// As many as there are different pictures once the mask has cut its part out of them.
  int64_t maskedCount() const;
};

/// The film of a request's `video`, `image`, `lastImage` and `mask`. `image` is every frame where
/// `in_every_frame` says so; else it is the first one, and what lies between the given frames is masked.
/// `request` has to outlive it.
Film filmOf(const SampleRequest& request, bool in_every_frame);

/// Throws `ErrorCode::InvalidOption` where a request's film, its mask and its strength don't go together.
void checkFilm(const SampleRequest& request);

/// A film's mask at the latents' size, (1, 1 or F, 1, h, w).
at::Tensor latentMask(const Film& film, int64_t height, int64_t width);

/// Latents (n, C, h, w) of pictures, scaled, fp32: of the mode, or with `noise` of that shape samples. Of the
/// i-th, `pixels` gives (1, 3, H, W) in -1..1. The codec's network is on the device meanwhile.
at::Tensor encodePictures(const Pipeline& pipeline, const SampleRequest& request, int64_t count,
                          const std::function<at::Tensor(int64_t)>& pixels, const at::Tensor& noise,
                          const std::function<void()>& onEach);

/// The latents of a film's pictures, (1, 1 or F, C, h, w), zeros where nothing is known of a frame; of a
/// codec that has less latents than pictures, those of the known ones as a film of their own. `noise`: (n, C,
/// h, w), as many as there are latents of what is known.
at::Tensor encodeFilm(const Pipeline& pipeline, const SampleRequest& request, const Film& film,
                      const at::Tensor& noise, const std::function<void()>& onEach);

/// How many of a film's pictures are known.
int64_t knownPictures(const Film& film);

}  // namespace cameo::pipeline
