#pragma once

#include <type_traits>

#include "fragments.h"
#include "pisa_backward_state.h"

// PISA's backward pass (after FlashAttention-2, arXiv 2307.08691), with probabilities computed again as
// p = 2^(score - log-sum-exp).
//
// `PrepareRows` (pisa_sums.h): delta = grad . out of each row, and of the references' rows for each frame.
//
// `DifferentiateKeys`: a block has some keys and goes through all queries that saw them. The references'
// softmax was another one for each frame: towards a frame's keys they have that frame's log-sum-exp and
// delta, towards the references' own keys those of all frames together. The mean's 1 / F is in their
// log-sum-exp. So to a block they are queries like others, with other statistics.
//
// `FinishQueries`, `SumGroups` (pisa_sums.h): queries' gradients to 16 bits; the sum over the groups of
// frames that the references' blocks were split into.
//
// Scores are computed transposed (keys x queries), so that p and its gradient are left factors of dv and dk
// in the registers where they are; only dq needs them across warps, in shared memory. Gradients of queries
// are added in global memory in the order in which blocks get there: their last bits differ from run to run.

namespace cameo::cuda {

template <Precision precision, int d, bool in_regions>
struct DifferentiateKeys {
  using Tiles = QueryTiles<d, in_regions>;
  using Shape = BackwardShape<d>;
  static constexpr int kThreads = Shape::kThreads, kBlocksAtOnce = Shape::kWarps == 8 ? 1 : 2;
  static constexpr int kKeyBytes = Rows<d>::bytes(Shape::kKeys),
                       kQueryBytes = Rows<d>::bytes(Shape::kQueries);
  static constexpr int kStatisticsBytes = 2 * Shape::kQueries * 4;
  static constexpr int kStageBytes = 2 * kQueryBytes + kStatisticsBytes;
  using ScoreRows = Rows<Shape::kQueries>;
  static constexpr int kScoreBytes = ScoreRows::bytes(Shape::kKeys);
  // Values that are held in registers leave their place.
  static constexpr bool kReplacesValues = Shape::kHoldsKeys && kScoreBytes <= kKeyBytes;
  static constexpr int kSharedBytes = 2 * kKeyBytes + 2 * kStageBytes + (kReplacesValues ? 0 : kScoreBytes);

  PisaSizes sizes;
  FrameGroups groups;
  CameoPisaBackward tensors;
  BackwardState<in_regions> state;
  float scale;  // of scores; times log2 e where they are exponents
  Regions<in_regions> regions;

  /// Blocks of the references' keys, for each group of frames.
  CAMEO_ANYWHERE static int blocksOfReferences(const PisaSizes& sizes) {
    return in_regions ? sizes.references * tilesOf(sizes.tokens, Shape::kKeys)
                      : tilesOf(sizes.referenceRows(), Shape::kKeys);
  }
  /// The references' blocks come first: they have the most to do.
  static int rows(const PisaSizes& sizes, const FrameGroups& groups) {
    return groups.count * blocksOfReferences(sizes) + sizes.frames * tilesOf(sizes.tokens, Shape::kKeys);
  }

  CAMEO_DEVICE void operator()() const {
    const Job job = findJob();
    const Tiles all(sizes);
    const Inputs inputs(*this);
    inputs.loadKeys(job.keys);
    Held held;
    Gradients of;
    fill(of.k, 0.0f);
    fill(of.v, 0.0f);
    const auto tile_of = [&](int i) {
      return i < job.tiles ? job.first_tile + i : all.firstOfReferences() + i - job.tiles;
    };
    const int count = job.tiles + (job.with_references ? all.of_references : 0);
    const auto load = [&](int i, int stage) {
      const Span tokens = all.tokens(sizes, tile_of(i));
      const bool of_frame = i < job.tiles;
      inputs.loadTile(tokens, tokens.first + (of_frame ? 0 : job.statistics),
                      in_regions && of_frame ? job.seen : 0, stage);
    };
    [[maybe_unused]] bool holds = false;
    const auto use = [&](int i, int stage) {
      if (in_regions ? !holds : i == 0) {
        hold(held);
        if constexpr (kReplacesValues) syncThreads();
        holds = true;
      }
      const uint32_t seen = seenKeys(job, all, i);
      CAMEO_NO_UNROLL
      for (int first = 0; first < Shape::kQueries; first += Shape::kAtOnce) {
        addToKeys(of, held, stage, first, job.keys.length, seen);
      }
      syncThreads();
      addToQueries(all, tile_of(i));
    };
    if constexpr (in_regions) {
      forEachSeenTile(count, [&](int i) { return anySeen(job, all, i); }, load, use);
      waitForCopies();  // of keys that nothing sees
    } else {
      forEachTile(count, load, use);
    }
    if (job.group < 0) {
      write(of, job.keys);
    } else {
      writePart(of, job.keys, job.group);
    }
  }

 private:
  /// A block's keys and the queries that saw them: some frames' tiles, and perhaps the references'.
  struct Job {
    Span keys;
    int group;              // of frames, where the keys are references'; or -1
    int first_tile, tiles;  // of the frames' queries
    bool with_references;
    int statistics;  // what a reference's token lacks to the place of its statistics
    int64_t seen;    // the same of a frame's token to its log-sum-exp towards these keys

    /// Which frame or reference has the keys, and where in it they begin.
    CAMEO_DEVICE int image(const PisaSizes& sizes) const {
      const int index = keys.first / sizes.tokens;
      return group < 0 ? index : index - sizes.frames;
    }
    CAMEO_DEVICE int first(const PisaSizes& sizes) const { return keys.first % sizes.tokens; }
  };

  CAMEO_DEVICE Job findJob() const {
    const Tiles all(sizes);
    const int of_references = blocksOfReferences(sizes);
    if (blockRow() < groups.count * of_references) {
      const int group = blockRow() / of_references;
      const Span frames = Span{0, sizes.frames}.piece(group, groups.frames);
      return {referenceKeys(blockRow() % of_references),
              group,
              frames.first * all.of_frame,
              frames.length * all.of_frame,
              group == 0,
              sizes.frames * sizes.referenceRows(),
              placeOfSeen(blockRow() % of_references)};
    }
    const int of_frame = tilesOf(sizes.tokens, Shape::kKeys),
              index = blockRow() - groups.count * of_references;
    const int frame = index / of_frame;
    return {sizes.frame(frame).piece(index % of_frame, Shape::kKeys),
            -1,
            frame * all.of_frame,
            all.of_frame,
            true,
            frame * sizes.referenceRows(),
            0};
  }

  CAMEO_DEVICE Span referenceKeys(int block) const {
    if constexpr (!in_regions) return sizes.allReferences().piece(block, Shape::kKeys);
    const int of_reference = tilesOf(sizes.tokens, Shape::kKeys);
    return sizes.reference(block / of_reference).piece(block % of_reference, Shape::kKeys);
  }

  CAMEO_DEVICE int64_t placeOfSeen(int block) const {
    const int64_t reference = block / tilesOf(sizes.tokens, Shape::kKeys);
    return in_regions ? state.firstSeen(sizes) + reference * sizes.frameRows() : 0;
  }

  /// Whether any of a block's keys and of the i-th tile's queries see one another.
  CAMEO_DEVICE bool anySeen(const Job& job, const Tiles& all, int i) const {
    if (job.group < 0) {
      const int reference = (i - job.tiles) / all.of_frame;
      return i < job.tiles || regions.anyListens(reference, job.image(sizes), job.first(sizes), Shape::kKeys);
    }
    if (i < job.tiles) {
      const int tile = job.first_tile + i;
      return regions.anySees(job.image(sizes), tile / all.of_frame, tile % all.of_frame * Shape::kQueries,
                             Shape::kQueries);
    }
    return regions.reference((i - job.tiles) / all.of_frame).subject ==
           regions.reference(job.image(sizes)).subject;
  }

  /// Bits of this warp's keys: whether the i-th tile's queries see them.
  CAMEO_DEVICE uint32_t seenKeys([[maybe_unused]] const Job& job, [[maybe_unused]] const Tiles& all,
                                 [[maybe_unused]] int i) const {
    if constexpr (in_regions) {
      const int first = warpIndex() * Shape::kKeyTiles * 16;
      if (job.group < 0 && i >= job.tiles) {
        const int position = job.first(sizes) + first;
        return regions.bits((i - job.tiles) / all.of_frame, job.image(sizes), position) >> (position % 32);
      }
      return static_cast<uint32_t>(lowBits(job.keys.length < first ? 0 : job.keys.length - first));
    } else {
      return ~0u;
    }
  }

  using Shared = SharedFactors<Shape::kKeyTiles, d>;

  /// This warp's keys and values, where there is room for them in registers.
  struct InRegisters {
    HeldFactors<Shape::kKeyTiles, d> keys, values;
  };
  struct InMemory {};
  using Held = std::conditional_t<Shape::kHoldsKeys, InRegisters, InMemory>;

  struct Gradients {
    float k[Shape::kKeyTiles][d / 8][4], v[Shape::kKeyTiles][d / 8][4];
  };

  // Shared memory: keys, values, two stages of (queries, their gradients, log-sum-exps, deltas), scores'
  // gradients.
  CAMEO_DEVICE static Rows<d> keys() { return {sharedMemory()}; }
  CAMEO_DEVICE static Rows<d> values() { return {sharedMemory() + kKeyBytes}; }
  CAMEO_DEVICE static Rows<d> queries(int stage) {
    return {sharedMemory() + 2 * kKeyBytes + stage * kStageBytes};
  }
  CAMEO_DEVICE static Rows<d> grads(int stage) { return {queries(stage).address + kQueryBytes}; }
  CAMEO_DEVICE static uint32_t logSumExps(int stage) { return queries(stage).address + 2 * kQueryBytes; }
  CAMEO_DEVICE static uint32_t deltas(int stage) { return logSumExps(stage) + Shape::kQueries * 4; }
  CAMEO_DEVICE static ScoreRows scoreGradients() {
    return {kReplacesValues ? values().address : queries(2).address};
  }

  class Inputs {
   public:
    CAMEO_DEVICE explicit Inputs(const DifferentiateKeys& kernel)
        : stride_(static_cast<int>(kernel.tensors.input.token)), grad_stride_(kernel.sizes.heads * d) {
      const int sample = blockColumn() / kernel.sizes.heads, head = blockColumn() % kernel.sizes.heads;
      const int64_t offset = sample * kernel.tensors.input.sample + head * d;
      q_ = static_cast<const uint16_t*>(kernel.tensors.q) + offset;
      k_ = static_cast<const uint16_t*>(kernel.tensors.k) + offset;
      v_ = static_cast<const uint16_t*>(kernel.tensors.v) + offset;
      grad_ = static_cast<const uint16_t*>(kernel.tensors.grad_out) +
              int64_t{sample} * kernel.sizes.images() * kernel.sizes.tokens * grad_stride_ + head * d;
      const int64_t statistics = blockColumn() * BackwardState<in_regions>::statistics(kernel.sizes);
      log_sum_exp_ = kernel.state.log_sum_exp + statistics;
      delta_ = kernel.state.delta + statistics;
    }

    CAMEO_DEVICE void loadKeys(Span tokens) const {
      const int64_t offset = int64_t{tokens.first} * stride_;
      copyRows<Shape::kKeys, kThreads>(keys(), k_ + offset, stride_, tokens.length);
      copyRows<Shape::kKeys, kThreads>(values(), v_ + offset, stride_, tokens.length);
    }
    /// `statistics` is the place of the tile's, `seen` what its log-sum-exps are further on.
    CAMEO_DEVICE void loadTile(Span tokens, int statistics, int64_t seen, int stage) const {
      copyRows<Shape::kQueries, kThreads>(queries(stage), q_ + int64_t{tokens.first} * stride_, stride_,
                                          tokens.length);
      copyRows<Shape::kQueries, kThreads>(grads(stage), grad_ + int64_t{tokens.first} * grad_stride_,
                                          grad_stride_, tokens.length);
      static_assert(2 * Shape::kQueries <= kThreads);
      const int row = threadIndex() % Shape::kQueries;
      if (threadIndex() < 2 * Shape::kQueries) {
        const float* from = threadIndex() < Shape::kQueries ? log_sum_exp_ + seen : delta_;
        copyAsync4(logSumExps(stage) + threadIndex() * 4, from + statistics + row, row < tokens.length);
      }
    }

   private:
    const uint16_t *q_, *k_, *v_, *grad_;
    const float *log_sum_exp_, *delta_;
    int stride_, grad_stride_;
  };

  CAMEO_DEVICE static Shared warpRows(Rows<d> rows) {
    return {rows.from(warpIndex() * Shape::kKeyTiles * 16)};
  }

  CAMEO_DEVICE static void hold(Held& held) {
    if constexpr (Shape::kHoldsKeys) {
      held.keys.read(warpRows(keys()));
      held.values.read(warpRows(values()));
    }
  }

  /// dv += p^T grad, dk += ds^T q of this warp's keys and queries [first, first + kAtOnce) of the tile;
  /// leaves ds^T, p (grad v^T - delta), for `addToQueries`. Rows of queries that don't exist are zeros all
  /// through.
  CAMEO_DEVICE void addToKeys(Gradients& of, const Held& held, int stage, int first, int keys_there,
                              [[maybe_unused]] uint32_t seen) const {
    const int lane = laneIndex();
    const Rows<d> q = queries(stage).from(first), grad = grads(stage).from(first);
    float p[Shape::kKeyTiles][Shape::kAtOnce / 8][4], ds[Shape::kKeyTiles][Shape::kAtOnce / 8][4];
    fill(p, 0.0f);
    fill(ds, 0.0f);
    if constexpr (Shape::kHoldsKeys) {
      multiplyByTransposed<precision>(p, held.keys, q);
      multiplyByTransposed<precision>(ds, held.values, grad);
    } else {
      multiplyByTransposed<precision>(p, warpRows(keys()), q);
      multiplyByTransposed<precision>(ds, warpRows(values()), grad);
    }
    CAMEO_UNROLL
    for (int n = 0; n < Shape::kAtOnce / 8; ++n) {
      const int query = first + 8 * n + lane % 4 * 2;
      const float2 log_sum_exp = loadShared2(logSumExps(stage) + query * 4);
      const float2 delta = loadShared2(deltas(stage) + query * 4);
      CAMEO_UNROLL
      for (int i = 0; i < 4 * Shape::kKeyTiles; ++i) {
        const int r = i / 4, row = key(r, i / 2 % 2);
        const bool even = i % 2 == 0;
        float& probability = p[r][n][i % 4];
        probability = powerOf2(probability * (scale * kLog2E) - (even ? log_sum_exp.x : log_sum_exp.y));
        if constexpr (in_regions) {
          if ((seen >> (r * 16 + i / 2 % 2 * 8 + lane / 4) & 1) == 0) probability = 0;
        } else {
          if (keys_there < Shape::kKeys && row >= keys_there) probability = 0;
        }
        ds[r][n][i % 4] = probability * (ds[r][n][i % 4] - (even ? delta.x : delta.y));
        if (!even) {
          storeShared(scoreGradients().at(row, first / 8 + n) + lane % 4 * 4,
                      pack<precision>(ds[r][n][i % 4 - 1], ds[r][n][i % 4]));
        }
      }
    }
    multiplyResultBy<precision>(of.v, p, grad);
    multiplyResultBy<precision>(of.k, ds, q);
  }

  /// dq += ds k of the tile: 16 rows for each warp, and where there are fewer, a part of the columns.
  CAMEO_DEVICE void addToQueries(const Tiles& all, int tile) const {
    constexpr int kParts = Shape::kWarps / Shape::kQueryTiles, kColumns = d / 8 / kParts;
    constexpr int kChunk = kColumns % 5 == 0 ? 5 : 4;
    static_assert(Shape::kWarps % Shape::kQueryTiles == 0 && d / 8 % kParts == 0 && kColumns % kChunk == 0);
    const int rows = warpIndex() % Shape::kQueryTiles, part = warpIndex() / Shape::kQueryTiles,
              lane = laneIndex();
    float* dq = state.dq + blockColumn() * all.numbers() +
                (int64_t{tile} * Shape::kQueryTiles + rows) * (d / 8) * 128;
    CAMEO_UNROLL
    for (int chunk = 0; chunk < kColumns; chunk += kChunk) {
      const int column = part * kColumns + chunk;
      float sum[1][kChunk][4];
      fill(sum, 0.0f);
      CAMEO_UNROLL
      for (int key = 0; key < Shape::kKeys; key += 16) {
        uint32_t ds[1][4];
        loadTransposed(ds[0], scoreGradients().at(key + lane % 8 + lane / 16 * 8, 2 * rows + lane / 8 % 2));
        multiplyBy<precision>(sum, ds, keys().from(key), column);
      }
      CAMEO_UNROLL
      for (int n = 0; n < kChunk; ++n) addFragment(dq + (column + n) * 128, lane, sum[0][n]);
    }
  }

  CAMEO_DEVICE static int key(int r, int half) {
    return (warpIndex() * Shape::kKeyTiles + r) * 16 + half * 8 + laneIndex() / 4;
  }

  CAMEO_DEVICE void write(const Gradients& of, Span tokens) const {
    const int sample = blockColumn() / sizes.heads, head = blockColumn() % sizes.heads;
    CAMEO_UNROLL
    for (int i = 0; i < 2 * Shape::kKeyTiles; ++i) {
      const int r = i / 2, half = i % 2;
      if (key(r, half) >= tokens.length) continue;
      const int64_t at = sample * tensors.gradient.sample +
                         (tokens.first + key(r, half)) * tensors.gradient.token + head * d;
      CAMEO_UNROLL
      for (int n = 0; n < d / 8; ++n) {
        const float *k = of.k[r][n] + 2 * half, *v = of.v[r][n] + 2 * half;
        const int column = 4 * n + laneIndex() % 4;
        reinterpret_cast<uint32_t*>(static_cast<uint16_t*>(tensors.dk) + at)[column] =
            pack<precision>(k[0] * scale, k[1] * scale);
        reinterpret_cast<uint32_t*>(static_cast<uint16_t*>(tensors.dv) + at)[column] =
            pack<precision>(v[0], v[1]);
      }
    }
  }

  CAMEO_DEVICE void writePart(const Gradients& of, Span tokens, int group) const {
    CAMEO_UNROLL
    for (int i = 0; i < 2 * Shape::kKeyTiles; ++i) {
      const int r = i / 2, half = i % 2;
      if (key(r, half) >= tokens.length) continue;
      const int64_t row =
          int64_t{blockColumn()} * sizes.referenceRows() + tokens.first - sizes.frameRows() + key(r, half);
      const int64_t at = group * sizes.referenceNumbers(d) + row * d;
      CAMEO_UNROLL
      for (int n = 0; n < d / 8; ++n) {
        const float *k = of.k[r][n] + 2 * half, *v = of.v[r][n] + 2 * half;
        const int column = 4 * n + laneIndex() % 4;
        reinterpret_cast<float2*>(state.dk + at)[column] = float2{k[0] * scale, k[1] * scale};
        reinterpret_cast<float2*>(state.dv + at)[column] = float2{v[0], v[1]};
      }
    }
  }
};

}  // namespace cameo::cuda
