#pragma once

#include "pisa_forward.h"

// The second kernel of PISA's forward pass (pisa_forward.h): the references' queries over each frame's keys.

namespace cameo::cuda {

template <Precision precision, int d, bool in_regions>
struct AttendFrames {
  using Shape = ForwardShape<d>;
  static constexpr int kThreads = Shape::kThreads, kBlocksAtOnce = 2;
  static constexpr int kFragments = Shape::kRowTiles * d / 8;  // of the mean, for each warp
  static constexpr int kMeanBytes = (kFragments + 1) * kThreads * 16;
  static constexpr int kSharedBytes = 2 * Shape::kStageBytes + kMeanBytes;

  PisaSizes sizes;
  FrameGroups groups;
  CameoPisaForward tensors;
  ReferenceState references;
  float scale, log2_frames;
  Regions<in_regions> regions;

  CAMEO_ANYWHERE static int tilesOfReferences(const PisaSizes& sizes) {
    return in_regions ? sizes.references * tilesOf(sizes.tokens, Shape::kQueries)
                      : tilesOf(sizes.referenceRows(), Shape::kQueries);
  }

  CAMEO_DEVICE void operator()() const {
    const HeadIndex at(sizes.heads);
    const int tiles = tilesOfReferences(sizes), group = blockRow() / tiles;
    const int tiles_of_reference = in_regions ? tilesOf(sizes.tokens, Shape::kQueries) : tiles;
    const int reference = blockRow() % tiles / tiles_of_reference;  // or 0, of all as one
    const Span queries = (in_regions ? sizes.reference(reference) : sizes.allReferences())
                             .piece(blockRow() % tiles_of_reference, Shape::kQueries);
    const Span frames = Span{0, sizes.frames}.piece(group, groups.frames);

    const ForwardInputs<d> inputs(tensors, at);
    QueryState<precision, d> state;
    inputs.loadQueries(queries);
    state.readQueries(inputs.queries());
    clearMeans();
    const int tiles_of_frame = tilesOf(sizes.tokens, Shape::kKeys);
    const auto keys = [&](int tile) {
      return sizes.frame(frames.first + tile / tiles_of_frame).piece(tile % tiles_of_frame, Shape::kKeys);
    };
    if constexpr (in_regions) {
      attendListeners(state, inputs, reference, queries, frames);
      writeMeans(queries, group);
      return;
    }
    forEachTile(
        frames.length * tiles_of_frame, [&](int tile, int stage) { inputs.loadTile(keys(tile), stage); },
        [&](int tile, int stage) {
          if (tile % tiles_of_frame == 0) state.start();
          state.attend(inputs.keys(stage), inputs.values(stage), keys(tile).length, scale);
          if ((tile + 1) % tiles_of_frame == 0) {
            const Span rows{fromHere(queries.first), fromHere(queries.length)};
            finishFrame(state, HeadIndex(fromHere(sizes.heads)), rows, frames.first + tile / tiles_of_frame);
          }
        });
    writeMeans(queries, group);
  }

 private:
  /// A reference's queries over the keys of each frame that they see. Frames without any count, too.
  CAMEO_DEVICE void attendListeners(QueryState<precision, d>& state, const ForwardInputs<d>& inputs,
                                    int reference, Span queries, Span frames) const {
    const int per_frame = tilesOf(sizes.tokens, Shape::kKeys), count = frames.length * per_frame;
    const auto next = [&](int tile) {
      while (tile < count && !regions.anyListens(reference, frames.first + tile / per_frame,
                                                 tile % per_frame * Shape::kKeys, Shape::kKeys)) {
        ++tile;
      }
      return tile;
    };
    const auto load = [&](int tile, int stage) {
      inputs.loadTile(sizes.frame(frames.first + tile / per_frame).piece(tile % per_frame, Shape::kKeys),
                      stage);
    };
    int tile = next(0), stage = 0;
    if (tile < count) load(tile, stage);
    CAMEO_NO_UNROLL
    for (int frame = 0; frame < frames.length; ++frame) {
      state.start();
      CAMEO_NO_UNROLL
      while (tile < (frame + 1) * per_frame) {
        waitForCopies();
        syncThreads();
        const int after = next(tile + 1);
        if (after < count) load(after, 1 - stage);
        const uint64_t seen = regions.template bitsOf<Shape::kKeys>(reference, frames.first + frame,
                                                                    tile % per_frame * Shape::kKeys);
        state.attendToKeys(inputs.keys(stage), inputs.values(stage), seen, scale);
        tile = after;
        stage = 1 - stage;
      }
      const Span rows{fromHere(queries.first), fromHere(queries.length)};
      finishFrame(state, HeadIndex(fromHere(sizes.heads)), rows, frames.first + frame);
    }
  }

  CAMEO_DEVICE int64_t place(Span queries, int row) const {
    return int64_t{blockColumn()} * sizes.referenceRows() + queries.first - sizes.frameRows() + row;
  }

  /// Each thread has its own numbers of the mean, four at a time.
  CAMEO_DEVICE static uint32_t meanAt(int fragment) {
    return sharedMemory() + 2 * Shape::kStageBytes + (fragment * kThreads + threadIndex()) * 16;
  }
  /// Of this lane's rows: the weights of what frames have in common, summed over frames.
  CAMEO_DEVICE static uint32_t weightsAt() { return meanAt(kFragments); }

  CAMEO_DEVICE static void clearMeans() {
    CAMEO_UNROLL
    for (int i = 0; i <= kFragments; ++i) storeShared(meanAt(i), float4{0, 0, 0, 0});
  }

  struct Weights {
    float own[2], common[2];  // of a frame's result and of that over the references' keys
  };

  /// Of the two rows of tile r. Adds the common ones to the sum over frames.
  CAMEO_DEVICE Weights weigh(const QueryState<precision, d>& state, Span queries, int frame, int r) const {
    Weights weights;
    const float4 sums = loadShared4(weightsAt());
    CAMEO_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = state.row(r, half);
      const bool exists = row < queries.length;
      const float top = state.top[r][half], own = top + logarithm2(state.total(r, half));
      const float other = exists ? references.log_sum_exp[place(queries, row)] : own,
                  high = larger(own, other);
      const float log_sum_exp = high + logarithm2(powerOf2(own - high) + powerOf2(other - high));
      weights.own[half] = powerOf2(top - log_sum_exp);
      weights.common[half] = powerOf2(other - log_sum_exp);
      if (tensors.log_sum_exp != nullptr && laneIndex() % 4 == 0 && exists) {
        tensors
            .log_sum_exp[blockColumn() * sizes.statistics() + sizes.frameRows() +
                         int64_t{frame} * sizes.referenceRows() + queries.first - sizes.frameRows() + row] =
            log_sum_exp + log2_frames;
      }
    }
    const float low = weights.common[0], high = weights.common[1];
    storeShared(weightsAt(), r == 0 ? float4{sums.x + low, sums.y + high, sums.z, sums.w}
                                    : float4{sums.x, sums.y, sums.z + low, sums.w + high});
    return weights;
  }

  /// Merges a frame's softmax with that over the references' keys and adds the result to the sum over frames.
  CAMEO_DEVICE void finishFrame(const QueryState<precision, d>& state, HeadIndex at, Span queries,
                                int frame) const {
    CAMEO_UNROLL
    for (int r = 0; r < Shape::kRowTiles; ++r) {
      const Weights weights = weigh(state, queries, frame, r);
      CAMEO_UNROLL
      for (int n = 0; n < d / 8; ++n) {
        const uint32_t mean = meanAt(r * (d / 8) + n);
        const float(&own)[4] = state.out[r][n];
        const float4 sum = loadShared4(mean);
        storeShared(mean, float4{sum.x + own[0] * weights.own[0], sum.y + own[1] * weights.own[0],
                                 sum.z + own[2] * weights.own[1], sum.w + own[3] * weights.own[1]});
      }
      if (tensors.each != nullptr) writeEach(state, weights, at, queries, frame, r);
    }
  }

  /// The references' result of one frame, which the backward pass needs.
  CAMEO_DEVICE void writeEach(const QueryState<precision, d>& state, const Weights& weights, HeadIndex at,
                              Span queries, int frame, int r) const {
    CAMEO_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = state.row(r, half);
      if (row >= queries.length) continue;
      const float2* common = reinterpret_cast<const float2*>(references.out + place(queries, row) * d);
      const int64_t token = (int64_t{at.sample} * sizes.frames + frame) * sizes.referenceRows() +
                            queries.first - sizes.frameRows() + row;
      uint16_t* each = static_cast<uint16_t*>(tensors.each) + (token * sizes.heads + at.head) * d;
      CAMEO_UNROLL
      for (int n = 0; n < d / 8; ++n) {
        const int column = 4 * n + laneIndex() % 4;
        const float2 other = common[column];
        const float* own = state.out[r][n] + 2 * half;
        reinterpret_cast<uint32_t*>(each)[column] =
            pack<precision>(own[0] * weights.own[half] + other.x * weights.common[half],
                            own[1] * weights.own[half] + other.y * weights.common[half]);
      }
    }
  }

  CAMEO_DEVICE void writeMeans(Span queries, int group) const {
    const float share = 1.0f / static_cast<float>(sizes.frames);
    const float4 weights = loadShared4(weightsAt());
    CAMEO_UNROLL
    for (int i = 0; i < kFragments; ++i) {
      const int r = i / (d / 8), column = i % (d / 8) * 4 + laneIndex() % 4;
      const float4 mean = loadShared4(meanAt(i));
      CAMEO_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = QueryState<precision, d>::row(r, half);
        if (row >= queries.length) continue;
        const int64_t at = place(queries, row) * d;
        const float2 other = reinterpret_cast<const float2*>(references.out + at)[column];
        const float weight =
            r == 0 ? (half == 0 ? weights.x : weights.y) : (half == 0 ? weights.z : weights.w);
        const float low = half == 0 ? mean.x : mean.z, high = half == 0 ? mean.y : mean.w;
        float* to = references.means + group * sizes.referenceNumbers(d) + at;
        reinterpret_cast<float2*>(to)[column] =
            float2{(low + other.x * weight) * share, (high + other.y * weight) * share};
      }
    }
  }
};

}  // namespace cameo::cuda
