#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "pipeline/codec.h"
#include "train/samples.h"

namespace cameo::train {

/// A sample as a film, and what was drawn for it so far.
struct FilmDraws {
  at::Generator generator;  // for what else is drawn for this sample
  bool is_dropped = false;  // it loses its condition
  at::Tensor pixels;        // (F, 3, H, W) in -1..1, fp32 on the CPU; undefined where latents were kept
  at::Tensor latents;       // (F', C, h, w), drawn from the posterior and scaled, fp32 on the CPU
  at::Tensor references;    // (R, C, h, w): the means of those that the sample has, scaled
};

/// Throws `ErrorCode::InvalidOption` for a recipe's number of `frames` that is none of `fewest`, `step` more
/// and so on: with others there are no whole latents, or patches of them.
void requireFrames(int64_t frames, int64_t fewest, int64_t step);

/// Encodes a sample without gradients: frame by frame, or by a codec over time all together; references one
/// by one. Of latents that were kept there are no pixels; those that are to be kept are written. Throws as
/// `picturesOf`.
FilmDraws drawFilm(const pipeline::LatentCodec& codec, uint64_t seed, double drop_condition,
                   const Sample& sample);

/// One of the draws' tensors as a batch. Throws as `requireSameSize`.
template <typename Draws>
at::Tensor stacked(const std::vector<Draws>& draws, at::Tensor Draws::*part) {
  std::vector<at::Tensor> rows;
  for (const Draws& drawn : draws) {
    rows.push_back(drawn.*part);
    requireSameSize(rows.back(), rows.front());
  }
  return at::stack(rows);
}

}  // namespace cameo::train
