#pragma once

#include "pisa_backward.h"

// The small kernels of PISA, bound by memory: sums over groups of frames, row sums before the backward pass,
// and the rounding of queries' gradients after it.

namespace cameo::cuda {

/// Writes the references' part of a tensor (B, F+R, n, H*d), 16-bit, as the sum over groups of (B, H, R*n,
/// d).
template <Precision precision, int d>
struct SumGroups {
  static constexpr int kThreads = 256, kBlocksAtOnce = 1, kSharedBytes = 0;
  static constexpr int kQuads = d / 4;  // four numbers for each thread

  PisaSizes sizes;
  int groups;
  const float* parts;
  void* to;
  CameoPisaStrides strides;

  static int columns(const PisaSizes& sizes) { return tilesOf(sizes.referenceRows() * kQuads, kThreads); }

  CAMEO_DEVICE void operator()() const {
    const int i = blockColumn() * kThreads + threadIndex(), row = i / kQuads, quad = i % kQuads;
    if (row >= sizes.referenceRows()) return;
    const float4* from =
        reinterpret_cast<const float4*>(parts + (int64_t{blockRow()} * sizes.referenceRows() + row) * d) +
        quad;
    float4 sum = from[0];
    for (int group = 1; group < groups; ++group) {
      const float4 part = from[group * (sizes.referenceNumbers(d) / 4)];
      sum = float4{sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w};
    }
    const int sample = blockRow() / sizes.heads, head = blockRow() % sizes.heads;
    uint16_t* out = static_cast<uint16_t*>(to) + sample * strides.sample +
                    (sizes.frameRows() + row) * strides.token + head * d;
    reinterpret_cast<uint32_t*>(out)[2 * quad] = pack<precision>(sum.x, sum.y);
    reinterpret_cast<uint32_t*>(out)[2 * quad + 1] = pack<precision>(sum.z, sum.w);
  }
};

/// delta = grad . out of each row, and for the references of each frame's result; beside them the
/// log-sum-exps that `DifferentiateKeys` wants. Towards their own keys, which all frames have in common, the
/// references' probabilities are the sum over frames, 2^(score - l) with l = -log2 sum 2^-l_f, and delta is
/// the mean with weights 2^(l - l_f).
template <Precision precision, int d, bool in_regions>
struct PrepareRows {
  static constexpr int kThreads = 256, kBlocksAtOnce = 1, kSharedBytes = 0;
  static constexpr int kLanes = 8, kRows = kThreads / kLanes;

  PisaSizes sizes;
  CameoPisaBackward tensors;
  BackwardState<in_regions> state;
  Regions<in_regions> regions;

  static int columns(const PisaSizes& sizes) {
    return tilesOf(sizes.frameRows(), kRows) + tilesOf(sizes.referenceRows(), kRows);
  }

  CAMEO_DEVICE void operator()() const {
    const int of_frames = tilesOf(sizes.frameRows(), kRows), row = threadIndex() / kLanes;
    const bool is_frame = blockColumn() < of_frames;
    if (is_frame) {
      prepareFrameRow(blockColumn() * kRows + row);
    } else {
      prepareReferenceRow((blockColumn() - of_frames) * kRows + row);
    }
  }

 private:
  /// All lanes call; rows that don't exist count as the last.
  CAMEO_DEVICE static int existing(int row, int rows) { return row < rows ? row : rows - 1; }

  CAMEO_DEVICE int64_t statistics() const { return blockRow() * state.statistics(sizes); }

  /// The product of two rows of this block's head, on all eight lanes.
  CAMEO_DEVICE float dot(const void* a, int64_t a_row, const void* b, int64_t b_row) const {
    const int head = blockRow() % sizes.heads;
    const uint32_t* x =
        reinterpret_cast<const uint32_t*>(static_cast<const uint16_t*>(a) + (a_row * sizes.heads + head) * d);
    const uint32_t* y =
        reinterpret_cast<const uint32_t*>(static_cast<const uint16_t*>(b) + (b_row * sizes.heads + head) * d);
    float sum = 0;
    for (int i = threadIndex() % kLanes; i < d / 2; i += kLanes) {
      const float2 u = unpack<precision>(x[i]), v = unpack<precision>(y[i]);
      sum += u.x * v.x + u.y * v.y;
    }
    for (int mask = 1; mask < kLanes; mask *= 2) sum += exchange(sum, mask);
    return sum;
  }

  CAMEO_DEVICE void put(int64_t at, float log_sum_exp, float delta) const {
    if (threadIndex() % kLanes != 0) return;
    state.log_sum_exp[statistics() + at] = log_sum_exp;
    state.delta[statistics() + at] = delta;
  }

  CAMEO_DEVICE void prepareFrameRow(int index) const {
    const int row = existing(index, sizes.frameRows()), sample = blockRow() / sizes.heads;
    const int64_t token = int64_t{sample} * sizes.images() * sizes.tokens + row;
    const float delta = dot(tensors.grad_out, token, tensors.out, token);
    if (index >= sizes.frameRows()) return;
    const float log_sum_exp = tensors.log_sum_exp[blockRow() * sizes.statistics() + row];
    put(row, log_sum_exp, delta);
    if constexpr (in_regions) putSeen(row, log_sum_exp);
  }

  /// Towards a reference's keys the strength, which their scores lack, is in the log-sum-exp.
  CAMEO_DEVICE void putSeen(int row, float log_sum_exp) const {
    const int frame = row / sizes.tokens, position = row % sizes.tokens;
    for (int r = threadIndex() % kLanes; r < sizes.references; r += kLanes) {
      const bool listens = (regions.bits(r, frame, position) >> (position % 32) & 1) != 0;
      state.log_sum_exp[statistics() + state.firstSeen(sizes) + int64_t{r} * sizes.frameRows() + row] =
          listens ? log_sum_exp - regions.reference(r).log2_strength : INFINITY;
    }
  }

  CAMEO_DEVICE void prepareReferenceRow(int index) const {
    const int row = existing(index, sizes.referenceRows()), sample = blockRow() / sizes.heads;
    const int64_t token = int64_t{sample} * sizes.images() * sizes.tokens + sizes.frameRows() + row;
    float top = -INFINITY, sum = 0, weighted = 0;  // of 2^-l_f
    for (int frame = 0; frame < sizes.frames; ++frame) {
      const int64_t at = sizes.frameRows() + int64_t{frame} * sizes.referenceRows() + row;
      const float log_sum_exp = tensors.log_sum_exp[blockRow() * sizes.statistics() + at];
      const int64_t each = (int64_t{sample} * sizes.frames + frame) * sizes.referenceRows() + row;
      const float delta = dot(tensors.grad_out, token, tensors.each, each);
      const float after = larger(top, -log_sum_exp), shrunk = powerOf2(top - after);
      const float weight = powerOf2(-log_sum_exp - after);
      sum = sum * shrunk + weight;
      weighted = weighted * shrunk + weight * delta;
      top = after;
      if (index < sizes.referenceRows()) put(at, log_sum_exp, delta);
    }
    if (index < sizes.referenceRows())
      put(sizes.statistics() + row, -(top + logarithm2(sum)), weighted / sum);
  }
};

/// The gradients of queries, out of fragments of fp32.
template <Precision precision, int d, bool in_regions>
struct FinishQueries {
  using Tiles = QueryTiles<d, in_regions>;
  using Shape = BackwardShape<d>;
  static constexpr int kThreads = 256, kBlocksAtOnce = 1, kSharedBytes = 0;

  PisaSizes sizes;
  CameoPisaBackward tensors;
  const float* dq;
  float scale;

  static int columns(const PisaSizes& sizes) { return Tiles(sizes).count(); }

  CAMEO_DEVICE void operator()() const {
    const Tiles all(sizes);
    const Span tokens = all.tokens(sizes, blockColumn());
    const int sample = blockRow() / sizes.heads, head = blockRow() % sizes.heads, lane = laneIndex();
    const float* from = dq + blockRow() * all.numbers() + int64_t{blockColumn()} * Shape::kQueries * d;
    uint16_t* to = static_cast<uint16_t*>(tensors.dq) + sample * tensors.gradient.sample + head * d;
    for (int i = warpIndex(); i < Shape::kQueryTiles * (d / 8); i += kThreads / kWarp) {
      const float4 c = readFragment(from + i * 128, lane);
      const int row = i / (d / 8) * 16 + lane / 4, column = i % (d / 8) * 4 + lane % 4;
      uint32_t* at = reinterpret_cast<uint32_t*>(to + (tokens.first + row) * tensors.gradient.token) + column;
      if (row < tokens.length) *at = pack<precision>(c.x * scale, c.y * scale);
      if (row + 8 < tokens.length) at[4 * tensors.gradient.token] = pack<precision>(c.z * scale, c.w * scale);
    }
  }
};

}  // namespace cameo::cuda
