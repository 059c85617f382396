#pragma once

#include "fragments.h"
#include "pisa_sizes.h"

namespace cameo::cuda {

template <int d>
struct ForwardShape {
  static constexpr int kRowTiles = d > 96 ? 1 : 2;  // of 16 queries, for each warp
  static constexpr int kKeys = d > 96 ? 32 : 64;    // of a tile
  static constexpr int kWarps = 4;
  static constexpr int kThreads = kWarps * kWarp;
  static constexpr int kQueries = kWarps * kRowTiles * 16;
  static constexpr int kStageBytes = 2 * Rows<d>::bytes(kKeys);
  // The block's queries pass through the second stage before it has a tile.
  static_assert(Rows<d>::bytes(kQueries) == kStageBytes);
};

/// What the softmax over the keys so far makes of a warp's queries. It is of base 2, and its largest score
/// follows only where it has grown by more than 2^8: what was summed before is then rarely scaled again, and
/// fp32 has the range.
template <Precision precision, int d>
class QueryState {
 public:
  using Shape = ForwardShape<d>;
  static constexpr int kRowTiles = Shape::kRowTiles, kColumnTiles = d / 8;

  float out[kRowTiles][kColumnTiles][4];  // not yet divided by the sum
  float top[kRowTiles][2];                // of each row, of base 2
  float sum[kRowTiles][2];                // of each row, this lane's part

  CAMEO_DEVICE void readQueries(Rows<d> queries) {
    queries_.read({queries.from(warpIndex() * kRowTiles * 16)});
  }

  CAMEO_DEVICE void start() {
    fill(out, 0.0f);
    CAMEO_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      top[i / 2][i % 2] = -INFINITY;
      sum[i / 2][i % 2] = 0;
    }
  }

  /// `keys` of the tile's rows exist. `scale` is that of scores, times log2 e.
  CAMEO_DEVICE void attend(Rows<d> k, Rows<d> v, int keys, float scale) {
    float scores[kRowTiles][Shape::kKeys / 8][4];
    fill(scores, 0.0f);
    multiplyByTransposed<precision>(scores, queries_, k);
    if (keys < Shape::kKeys) hideFrom(scores, keys);
    add(scores, v, scale);
  }

  /// The same where bits of this warp's rows say which see the tile; others must have seen a key before.
  /// `added` goes to the scores.
  CAMEO_DEVICE void attendByRows(Rows<d> k, Rows<d> v, int keys, uint32_t rows, float added, float scale) {
    if (rows == 0) return;
    Scores scores;
    fill(scores, 0.0f);
    multiplyByTransposed<precision>(scores, queries_, k);
    if (keys < Shape::kKeys) hideFrom(scores, keys);
    if (rows != kAllRows || added != 0) addToRows(scores, rows, added);
    add(scores, v, scale);
  }

  /// The same where bits of the tile's keys say which exist and are seen.
  CAMEO_DEVICE void attendToKeys(Rows<d> k, Rows<d> v, uint64_t keys, float scale) {
    Scores scores;
    fill(scores, 0.0f);
    multiplyByTransposed<precision>(scores, queries_, k);
    if (keys != lowBits(Shape::kKeys)) hideAll(scores, ~keys);
    add(scores, v, scale);
  }

  /// The bits of a warp's rows.
  static constexpr uint32_t kAllRows = kRowTiles == 2 ? ~0u : 0xffffu;

  /// The sum of the whole row, to be called by all lanes.
  CAMEO_DEVICE float total(int r, int half) const { return sumOfRow(sum[r][half]); }

  /// This lane's `half`-th row of tile r, in the block.
  CAMEO_DEVICE static int row(int r, int half) {
    return (warpIndex() * kRowTiles + r) * 16 + half * 8 + laneIndex() / 4;
  }

 private:
  using Scores = float[kRowTiles][Shape::kKeys / 8][4];

  /// Adds a tile's scores to the softmax, and its values to the result.
  CAMEO_DEVICE void add(Scores& scores, Rows<d> v, float scale) {
    raise(scores, scale);
    CAMEO_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      CAMEO_UNROLL
      for (int j = 0; j < Shape::kKeys / 4; ++j) {
        float& score = scores[i / 2][j / 2][i % 2 * 2 + j % 2];
        score = powerOf2(score * scale - top[i / 2][i % 2]);
        sum[i / 2][i % 2] += score;
      }
    }
    multiplyResultBy<precision>(out, scores, v);
  }

  CAMEO_DEVICE static void hideFrom(Scores& scores, int keys) {
    CAMEO_UNROLL
    for (int i = 0; i < kRowTiles * Shape::kKeys / 2; ++i) {
      const int tile = i / 4 % (Shape::kKeys / 8);
      if (8 * tile + laneIndex() % 4 * 2 + i % 2 >= keys)
        scores[i * 2 / Shape::kKeys][tile][i % 4] = -INFINITY;
    }
  }

  /// Hides the keys with these bits.
  CAMEO_DEVICE static void hideAll(Scores& scores, uint64_t keys) {
    const uint64_t from_here = keys >> (laneIndex() % 4 * 2);
    CAMEO_UNROLL
    for (int i = 0; i < kRowTiles * Shape::kKeys / 2; ++i) {
      const int tile = i / 4 % (Shape::kKeys / 8);
      if ((from_here >> (8 * tile + i % 2) & 1) != 0) scores[i * 2 / Shape::kKeys][tile][i % 4] = -INFINITY;
    }
  }

  CAMEO_DEVICE static void addToRows(Scores& scores, uint32_t rows, float added) {
    CAMEO_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      const bool sees = (rows >> (i / 2 * 16 + i % 2 * 8 + laneIndex() / 4) & 1) != 0;
      const float here = sees ? added : -INFINITY;
      CAMEO_UNROLL
      for (int j = 0; j < Shape::kKeys / 4; ++j) scores[i / 2][j / 2][i % 2 * 2 + j % 2] += here;
    }
  }

  CAMEO_DEVICE void raise(const Scores& scores, float scale) {
    constexpr float kSlack = 8;
    float high[kRowTiles][2];
    bool outgrown = false;
    CAMEO_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      float largest = scores[i / 2][0][i % 2 * 2];
      CAMEO_UNROLL
      for (int j = 1; j < Shape::kKeys / 4; ++j) {
        largest = larger(largest, scores[i / 2][j / 2][i % 2 * 2 + j % 2]);
      }
      high[i / 2][i % 2] = largestOfRow(largest) * scale;
      outgrown |= high[i / 2][i % 2] > top[i / 2][i % 2] + kSlack;
    }
    if (!anyInWarp(outgrown)) return;
    CAMEO_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      const float before = top[i / 2][i % 2], after = larger(before, high[i / 2][i % 2]);
      const float shrunk = powerOf2(before - after);
      top[i / 2][i % 2] = after;
      sum[i / 2][i % 2] *= shrunk;
      CAMEO_UNROLL
      for (int j = 0; j < kColumnTiles * 2; ++j) out[i / 2][j / 2][i % 2 * 2 + j % 2] *= shrunk;
    }
  }

  HeldFactors<kRowTiles, d> queries_;
};

}  // namespace cameo::cuda
