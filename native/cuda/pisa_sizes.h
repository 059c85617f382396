#pragma once

#include "device.h"
#include "pisa_library.h"

namespace cameo::cuda {

/// Consecutive tokens of a sample, whose images follow one another.
struct Span {
  int first, length;

  /// The part of `index`-th of pieces of `size` tokens.
  CAMEO_ANYWHERE constexpr Span piece(int index, int size) const {
    const int left = length - index * size;
    return {first + index * size, left < size ? left : size};
  }
};

struct PisaSizes {
  int batch, frames, references, tokens, heads;  // B, F, R, n, H

  explicit PisaSizes(const CameoPisaProblem& problem)
      : batch(problem.batch),
        frames(problem.frames),
        references(problem.references),
        tokens(problem.tokens),
        heads(problem.heads) {}

  CAMEO_ANYWHERE constexpr Span frame(int index) const { return {index * tokens, tokens}; }
  CAMEO_ANYWHERE constexpr Span allReferences() const { return {frames * tokens, references * tokens}; }
  CAMEO_ANYWHERE constexpr int images() const { return frames + references; }
  CAMEO_ANYWHERE constexpr int frameRows() const { return frames * tokens; }
  CAMEO_ANYWHERE constexpr int referenceRows() const { return references * tokens; }

  /// One head's statistics: of the frames' rows, then of the references' for each frame.
  CAMEO_ANYWHERE constexpr int64_t statistics() const {
    return frameRows() + int64_t{frames} * referenceRows();
  }
  /// One number of each channel of the references, of all samples.
  CAMEO_ANYWHERE constexpr int64_t referenceNumbers(int head_size) const {
    return int64_t{batch} * heads * referenceRows() * head_size;
  }
};

/// Frames dealt out to groups of blocks, so that there are `wanted` blocks where one group has `blocks`.
struct FrameGroups {
  int count, frames;  // groups, and frames of each but perhaps the last

  static FrameGroups of(const PisaSizes& sizes, int blocks, int wanted) {
    const int each = sizes.frames / tilesOf(wanted, blocks);
    const int frames = each < 1 ? 1 : each;
    return {tilesOf(sizes.frames, frames), frames};
  }
};

}  // namespace cameo::cuda
