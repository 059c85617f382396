#pragma once

#include "pisa_sizes.h"
#include "query_state.h"

// PISA's forward pass, after FlashAttention-2 (arXiv 2307.08691), in three kernels.
//
// `AttendImages`: a frame's queries over its own keys and the references', in one pass over both; the
// references' queries over the references' keys alone, which all frames have in common.
//
// `AttendFrames` (pisa_frames.h): the references' queries over each frame's keys. A frame's result is merged
// by log-sum-exp with what is common and goes into the mean over frames, which stays in shared memory.
//
// `SumGroups` (pisa_sums.h): the sum over the groups of frames that `AttendFrames` was split into.
//
// In regions (PisaRegions), tiles that no query of a block sees are left out, and scores are hidden bit by
// bit.
//
// A warp has its queries in registers as left factors; keys and values come by tiles through two stages of
// shared memory.

namespace cameo::cuda {

/// The heads that a block works for, one of one sample.
struct HeadIndex {
  int sample, head;

  CAMEO_DEVICE explicit HeadIndex(int heads) : sample(blockColumn() / heads), head(blockColumn() % heads) {}
};

/// One head's queries, keys and values, and the way of tiles into a block.
template <int d>
class ForwardInputs {
 public:
  using Shape = ForwardShape<d>;

  CAMEO_DEVICE ForwardInputs(const CameoPisaForward& tensors, HeadIndex at)
      : stride_(static_cast<int>(tensors.input.token)) {
    const int64_t head = at.sample * tensors.input.sample + at.head * d;
    q_ = static_cast<const uint16_t*>(tensors.q) + head;
    k_ = static_cast<const uint16_t*>(tensors.k) + head;
    v_ = static_cast<const uint16_t*>(tensors.v) + head;
  }

  CAMEO_DEVICE Rows<d> keys(int stage) const { return {sharedMemory() + stage * Shape::kStageBytes}; }
  CAMEO_DEVICE Rows<d> values(int stage) const { return keys(stage).from(Shape::kKeys); }
  CAMEO_DEVICE Rows<d> queries() const { return keys(1); }

  CAMEO_DEVICE void loadQueries(Span rows) const {
    copyRows<Shape::kQueries, Shape::kThreads>(queries(), q_ + int64_t{rows.first} * stride_, stride_,
                                               rows.length);
    waitForCopies();
    syncThreads();
  }
  CAMEO_DEVICE void loadTile(Span rows, int stage) const {
    const int64_t offset = int64_t{rows.first} * stride_;
    copyRows<Shape::kKeys, Shape::kThreads>(keys(stage), k_ + offset, stride_, rows.length);
    copyRows<Shape::kKeys, Shape::kThreads>(values(stage), v_ + offset, stride_, rows.length);
  }

 private:
  const uint16_t *q_, *k_, *v_;
  int stride_;
};

/// Where kernels 1 and 2 meet, and 2 and 3: (B, H, R*n) and (B, H, R*n, d), of the references' queries.
struct ReferenceState {
  float* log_sum_exp;  // of base 2
  float* out;
  float* means;  // one such tensor for each group of frames
};

template <Precision precision, int d, bool in_regions>
struct AttendImages {
  using Shape = ForwardShape<d>;
  static constexpr int kThreads = Shape::kThreads, kBlocksAtOnce = 2, kSharedBytes = 2 * Shape::kStageBytes;

  PisaSizes sizes;
  CameoPisaForward tensors;
  ReferenceState references;
  float scale;
  Regions<in_regions> regions;

  static int rows(const PisaSizes& sizes) {
    const int tiles_of_frame = tilesOf(sizes.tokens, Shape::kQueries);
    return sizes.frames * tiles_of_frame +
           (in_regions ? sizes.references * tiles_of_frame : tilesOf(sizes.referenceRows(), Shape::kQueries));
  }

  CAMEO_DEVICE void operator()() const {
    const HeadIndex at(sizes.heads);
    const int tiles_of_frame = tilesOf(sizes.tokens, Shape::kQueries);
    const int frame = blockRow() / tiles_of_frame;
    const bool of_frame = frame < sizes.frames;
    if constexpr (in_regions) {
      if (of_frame) {
        attendSeen(at, frame, blockRow() % tiles_of_frame);
      } else {
        attendSubject(at, frame - sizes.frames, blockRow() % tiles_of_frame);
      }
      return;
    }
    const Span image = of_frame ? sizes.frame(frame) : sizes.allReferences();
    const Span queries =
        image.piece(blockRow() - (of_frame ? frame : sizes.frames) * tiles_of_frame, Shape::kQueries);

    const ForwardInputs<d> inputs(tensors, at);
    QueryState<precision, d> state;
    start(state, inputs, queries);
    const int own = of_frame ? tilesOf(sizes.tokens, Shape::kKeys) : 0;
    const auto keys = [&](int tile) {
      return tile < own ? image.piece(tile, Shape::kKeys)
                        : sizes.allReferences().piece(tile - own, Shape::kKeys);
    };
    forEachTile(
        own + tilesOf(sizes.referenceRows(), Shape::kKeys),
        [&](int tile, int stage) { inputs.loadTile(keys(tile), stage); },
        [&](int tile, int stage) {
          state.attend(inputs.keys(stage), inputs.values(stage), keys(tile).length, scale);
        });
    finish(state, at, queries, of_frame);
  }

 private:
  /// A frame's queries over its own keys and those of the references that one of them sees.
  CAMEO_DEVICE void attendSeen(HeadIndex at, int frame, int index) const {
    const Span image = sizes.frame(frame), queries = image.piece(index, Shape::kQueries);
    const int first = index * Shape::kQueries, per_image = tilesOf(sizes.tokens, Shape::kKeys);
    const auto seen = [&](int tile) {
      return tile < per_image || regions.anySees(tile / per_image - 1, frame, first, Shape::kQueries);
    };
    const auto keys = [&](int tile) {
      const int reference = tile / per_image - 1;
      return (reference < 0 ? image : sizes.reference(reference)).piece(tile % per_image, Shape::kKeys);
    };
    constexpr int kWarpRows = Shape::kRowTiles * 16;
    const int warp_first = first + warpIndex() * kWarpRows;
    const ForwardInputs<d> inputs(tensors, at);
    QueryState<precision, d> state;
    start(state, inputs, queries);
    forEachSeenTile((1 + sizes.references) * per_image, seen,
                    [&](int tile, int stage) { inputs.loadTile(keys(tile), stage); },
                    [&](int tile, int stage) {
                      const int reference = tile / per_image - 1;
                      uint32_t rows = state.kAllRows;
                      float added = 0;
                      if (reference >= 0) {
                        rows &= regions.bits(reference, frame, warp_first) >> (warp_first % 32);
                        added = regions.reference(reference).log2_strength / scale;
                      }
                      state.attendByRows(inputs.keys(stage), inputs.values(stage), keys(tile).length, rows,
                                         added, scale);
                    });
    finish(state, HeadIndex(fromHere(sizes.heads)), {fromHere(queries.first), fromHere(queries.length)},
           true);
  }

  /// A reference's queries over its subject's references.
  CAMEO_DEVICE void attendSubject(HeadIndex at, int reference, int index) const {
    const Span queries = sizes.reference(reference).piece(index, Shape::kQueries);
    const CameoPisaReference& of = regions.reference(reference);
    const Span subject = sizes.someReferences(of.first, of.count);
    const ForwardInputs<d> inputs(tensors, at);
    QueryState<precision, d> state;
    start(state, inputs, queries);
    forEachTile(
        tilesOf(subject.length, Shape::kKeys),
        [&](int tile, int stage) { inputs.loadTile(subject.piece(tile, Shape::kKeys), stage); },
        [&](int tile, int stage) {
          state.attend(inputs.keys(stage), inputs.values(stage), subject.piece(tile, Shape::kKeys).length,
                       scale);
        });
    finish(state, at, queries, false);
  }

  CAMEO_DEVICE static void start(QueryState<precision, d>& state, const ForwardInputs<d>& inputs,
                                 Span queries) {
    inputs.loadQueries(queries);
    state.readQueries(inputs.queries());
    state.start();
  }

  CAMEO_DEVICE void finish(const QueryState<precision, d>& state, HeadIndex at, Span queries,
                           bool of_frame) const {
    CAMEO_UNROLL
    for (int i = 0; i < 2 * Shape::kRowTiles; ++i) {
      const int r = i / 2, half = i % 2, row = state.row(r, half);
      const float total = state.total(r, half), share = 1 / total;
      const float log_sum_exp = state.top[r][half] + logarithm2(total);
      if (row >= queries.length) continue;
      const int64_t token = queries.first + row;
      if (of_frame) {
        uint16_t* out =
            static_cast<uint16_t*>(tensors.out) +
            ((int64_t{at.sample} * sizes.images() * sizes.tokens + token) * sizes.heads + at.head) * d;
        CAMEO_UNROLL
        for (int n = 0; n < d / 8; ++n) {
          const float* from = state.out[r][n] + 2 * half;
          reinterpret_cast<uint32_t*>(out)[4 * n + laneIndex() % 4] =
              pack<precision>(from[0] * share, from[1] * share);
        }
        if (tensors.log_sum_exp != nullptr && laneIndex() % 4 == 0) {
          tensors.log_sum_exp[blockColumn() * sizes.statistics() + token] = log_sum_exp;
        }
      } else {
        const int64_t place = int64_t{blockColumn()} * sizes.referenceRows() + token - sizes.frameRows();
        CAMEO_UNROLL
        for (int n = 0; n < d / 8; ++n) {
          const float* from = state.out[r][n] + 2 * half;
          reinterpret_cast<float2*>(references.out + place * d)[4 * n + laneIndex() % 4] =
              float2{from[0] * share, from[1] * share};
        }
        if (laneIndex() % 4 == 0) references.log_sum_exp[place] = log_sum_exp;
      }
    }
  }
};

}  // namespace cameo::cuda
