#pragma once

#include <cmath>
#include <type_traits>

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
  CAMEO_ANYWHERE constexpr Span someReferences(int first, int count) const {
    return {(frames + first) * tokens, count * tokens};
  }
  CAMEO_ANYWHERE constexpr Span reference(int index) const { return someReferences(index, 1); }
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

/// Who listens to whom. Blocks then have queries or keys of one reference, never of several.
struct PisaRegions {
  CameoPisaRegions all;
  int frames;

  CAMEO_DEVICE const CameoPisaReference& reference(int index) const { return all.references[index]; }

  /// Bits of the 32 positions of a frame from `first` on: whether they listen to a reference.
  CAMEO_DEVICE uint32_t bits(int reference, int frame, int first) const {
    return all.bits[(all.references[reference].subject * frames + frame) * all.words + first / 32];
  }
  /// Whether any of `count` positions does, a multiple of 32.
  CAMEO_DEVICE bool anyListens(int reference, int frame, int first, int count) const {
    uint32_t any = 0;
    for (int i = 0; i < count; i += 32) any |= bits(reference, frame, first + i);
    return any != 0;
  }
  /// The same of queries, which see nothing of strength 0.
  CAMEO_DEVICE bool anySees(int reference, int frame, int first, int count) const {
    return all.references[reference].log2_strength > -INFINITY && anyListens(reference, frame, first, count);
  }
  /// Bits of `count` positions, 32 or 64.
  template <int count>
  CAMEO_DEVICE uint64_t bitsOf(int reference, int frame, int first) const {
    static_assert(count == 32 || count == 64);
    const uint64_t low = bits(reference, frame, first);
    return count == 32 ? low : low | uint64_t{bits(reference, frame, first + 32)} << 32;
  }
};

/// The lowest `count` bits, up to 64.
CAMEO_DEVICE uint64_t lowBits(int count) {
  return count < 64 ? (uint64_t{1} << count) - 1 : ~uint64_t{0};
}

/// In the place of regions where all listen to one another.
struct NoRegions {};

template <bool in_regions>
using Regions = std::conditional_t<in_regions, PisaRegions, NoRegions>;

}  // namespace cameo::cuda
