#pragma once

#include "pisa_sizes.h"

// What the kernels of PISA's backward pass (pisa_backward.h) share.

namespace cameo::cuda {

template <int d>
struct BackwardShape {
  static constexpr int kKeyTiles = d <= 64 ? 2 : 1;  // of 16 keys, for each warp
  static constexpr int kWarps = d == 80 ? 8 : 4;
  static constexpr int kThreads = kWarps * kWarp;
  static constexpr int kKeys = kWarps * kKeyTiles * 16;
  static constexpr int kQueries = d > 96 ? 32 : 64;  // of a tile
  static constexpr int kAtOnce = 32;                 // of these, in registers
  static constexpr int kQueryTiles = kQueries / 16;
  // Whether a warp has its keys and values in registers, where there is room for them.
  static constexpr bool kHoldsKeys = d <= 40 || d == 80;
};

/// The tiles of queries, numbered as their gradients are kept: those of each frame, then those of the
/// references, in regions of each reference.
template <int d, bool in_regions>
struct QueryTiles {
  static constexpr int kQueries = BackwardShape<d>::kQueries;
  int of_frame, of_references, frames;

  CAMEO_ANYWHERE explicit constexpr QueryTiles(const PisaSizes& sizes)
      : of_frame(tilesOf(sizes.tokens, kQueries)),
        of_references(in_regions ? sizes.references * of_frame : tilesOf(sizes.referenceRows(), kQueries)),
        frames(sizes.frames) {}

  CAMEO_ANYWHERE constexpr int count() const { return frames * of_frame + of_references; }
  CAMEO_ANYWHERE constexpr int firstOfReferences() const { return frames * of_frame; }
  CAMEO_ANYWHERE constexpr Span tokens(const PisaSizes& sizes, int tile) const {
    // References follow frames, as images do.
    if (!in_regions && tile >= firstOfReferences())
      return sizes.allReferences().piece(tile - firstOfReferences(), kQueries);
    return sizes.frame(tile / of_frame).piece(tile % of_frame, kQueries);
  }
  CAMEO_ANYWHERE constexpr int64_t numbers() const { return int64_t{count()} * kQueries * d; }
};

/// What the kernels hand on: one head's statistics are those of `PisaSizes`, then the references' of all
/// frames, and in regions the frames' log-sum-exps as each reference's keys need them: infinite where a
/// position doesn't listen to it.
template <bool in_regions>
struct BackwardState {
  float *log_sum_exp, *delta;  // (B, H, statistics + R*n)
  float* dq;                   // (B, H, fragments of all tiles of queries)
  float *dk, *dv;              // (groups, B, H, R*n, d), the references'

  CAMEO_ANYWHERE static constexpr int64_t firstSeen(const PisaSizes& sizes) {
    return sizes.statistics() + sizes.referenceRows();
  }
  CAMEO_ANYWHERE static constexpr int64_t statistics(const PisaSizes& sizes) {
    return firstSeen(sizes) + (in_regions ? int64_t{sizes.references} * sizes.frameRows() : 0);
  }
};

}  // namespace cameo::cuda
