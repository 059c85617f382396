#include "cpu/feed_forward.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "cpu/gelu.h"
#include "cpu/matrix_unit_weight.h"
#include "cpu/pieces.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kSlice = 1280;  // hidden states at a time
constexpr int64_t kMinRows = 64, kMaxRows = 320;
constexpr int64_t kBytes = 2400 << 10;  // of what a thread computes, most of which its core's cache holds

/// Some hidden states of `kPanel` rows, to their place in a left panel: sums (kPanel, kPanel) are values and
/// gates without their biases, `kTileRows` of each.
template <typename Value>
struct GatedBlock {
  static_assert(kTileRows == kLanes);

  const float* sums = nullptr;
  const Value *of_values = nullptr, *of_gates = nullptr;
  Half* to = nullptr;

  CAMEO_INLINE void gate(int64_t row) const {
    if (!sums) return;
    const float* const values = sums + row * kPanel;
    const Vector value = load(values) + load(of_values), gate = load(values + kTileRows) + load(of_gates);
    if constexpr (std::is_same_v<Value, float>) {
      storeParts<kFloatParts>(to + row * kTile, 2 * kTileNumbers, value * gelu(gate));
    } else {
      store(to + row * kTile, value * geluForHalves(gate));
    }
  }
};

/// The layer, packed, and its tokens. A thread takes so many `rows` at a time.
template <typename Value>
struct Job {
  static constexpr int64_t kParts = kPartsOf<Value>;

  UnitWeight<Value> hidden_weight, out_weight;
  int64_t all_rows, dim, hidden, slice, rows;
  at::Tensor packed;
  Half *packed_hidden, *packed_out;
  const Value *hidden_bias, *x;
  UnitResult<Value> result;

  Job(const at::Tensor& x, const GatedFeedForward& layer, const at::Tensor& added, const at::Tensor& y)
      : hidden_weight(layer.hidden_weight),
        out_weight(layer.out_weight),
        all_rows(x.size(0)),
        dim(x.size(1)),
        hidden(layer.out_weight.size(1)),
        slice(std::min(kSlice, hidden)),
        hidden_bias(layer.hidden_bias.const_data_ptr<Value>()),
        x(x.const_data_ptr<Value>()),
        result(y, dim, layer.out_bias, added) {
    const int64_t bytes = kParts * (dim + slice) * sizeof(Half) + dim * sizeof(float);
    rows = roundedUp(equalShare(all_rows, std::clamp(kBytes / bytes, kMinRows, kMaxRows)), kPanel);
    const PackedColumns of_hidden{0, hidden, /*gates=*/hidden}, of_out{0, dim};
    const int64_t in_hidden = of_hidden.panels() * hidden_weight.panel();
    packed = at::empty({in_hidden + of_out.panels() * out_weight.panel()}, at::kBFloat16);
    packed_hidden = packed.mutable_data_ptr<Half>();
    packed_out = packed_hidden + in_hidden;
    packWeight(hidden_weight, of_hidden, packed_hidden);
    packWeight(out_weight, of_out, packed_out);
  }
};

template <typename Value>
struct Buffers {
  Half *x, *hidden;     // left panels
  float *gated, *sums;  // two blocks, and one for every `kPanel` rows and columns of the result

  Buffers(const Job<Value>& job, Pieces* pieces) {
    x = pieces->take<Half>(job.kParts * job.rows * job.dim);
    hidden = pieces->take<Half>(job.kParts * job.rows * job.slice);
    gated = pieces->take(2 * kBlock);
    sums = pieces->take(job.rows * roundedUp(job.dim, kPanel));
  }
};

/// Of the hidden states, `width` from `first` on of some rows.
template <typename Value>
CAMEO_MATRIX_UNIT void computeHidden(const Job<Value>& job, int64_t rows, int64_t first, int64_t width,
                                     const Buffers<Value>& to) {
  constexpr int64_t parts = kPartsOf<Value>;
  GatedBlock<Value> before;
  const auto gate = [&before](int64_t row) CAMEO_INLINE_LAMBDA { before.gate(row); };
  float *sums = to.gated, *free = to.gated + kBlock;
  for (int64_t j = 0; j < width; j += kTileRows) {
    const int64_t value = first + j;
    const Half* const weight = job.packed_hidden + value / kTileRows * job.hidden_weight.panel();
    for (int64_t panel = 0; panel < (rows + kPanel - 1) / kPanel; ++panel) {
      multiplyPanels<parts>(to.x + panelNumbers<parts>(job.dim) * panel, weight, job.dim, sums,
                            /*adds=*/false, gate);
      Half* const step = to.hidden + panelNumbers<parts>(width) * panel + kStepNumbers<parts> * (j / kTile);
      before = {sums, job.hidden_bias + value, job.hidden_bias + job.hidden + value, step + j % kTile};
      std::swap(sums, free);
    }
  }
  for (int64_t row = 0; row < kPanel; ++row) gate(row);
}

/// Adds to the result of some rows what `width` hidden states from `first` on give; the last ones finish it.
template <typename Value>
CAMEO_MATRIX_UNIT void addHidden(const Job<Value>& job, int64_t row, int64_t rows, int64_t first,
                                 int64_t width, const Buffers<Value>& to) {
  constexpr int64_t parts = kPartsOf<Value>;
  FinishedBlock<Value> before;
  const auto finish = [&before](int64_t i) CAMEO_INLINE_LAMBDA { before.finish(i); };
  float* sums = to.sums;
  for (int64_t column = 0; column < job.dim; column += kPanel) {
    const Half* const weight =
        job.packed_out + column / kPanel * job.out_weight.panel() + panelNumbers<parts>(first);
    for (int64_t i = 0; i < rows; i += kPanel, sums += kBlock) {
      multiplyPanels<parts>(to.hidden + panelNumbers<parts>(width) * (i / kPanel), weight, width, sums,
                            /*adds=*/first > 0, finish);
      if (first + width == job.hidden) before = job.result.block(sums, row + i, column);
    }
  }
  for (int64_t i = 0; i < kPanel; ++i) finish(i);
}

template <typename Value>
void computeRows(const Job<Value>& job, int64_t row, const Buffers<Value>& to) {
  const int64_t rows = std::min(job.rows, job.all_rows - row);
  packRows(RowsOf<Value>{job.x + row * job.dim, job.dim}, rows, job.dim, to.x);
  for (int64_t first = 0; first < job.hidden; first += job.slice) {
    const int64_t width = std::min(job.slice, job.hidden - first);
    computeHidden(job, rows, first, width, to);
    addHidden(job, row, rows, first, width, to);
  }
}

template <typename Value>
void computeAll(const at::Tensor& x, const GatedFeedForward& layer, const at::Tensor& added,
                const at::Tensor& y) {
  const Job<Value> job(x, layer, added, y);
  Pieces counted;
  Buffers(job, &counted);
  const ThreadScratch scratch(counted.taken());
  forEachPiece((job.all_rows + job.rows - 1) / job.rows, 1, [&](int64_t begin, int64_t end) {
    const MatrixUnitTiles tiles;
    Pieces pieces(scratch.mine());
    const Buffers buffers(job, &pieces);
    for (int64_t block = begin; block < end; ++block) computeRows(job, block * job.rows, buffers);
    finishStores();
  });
}

#endif

}  // namespace

bool gatedFeedForwardTakes(const at::Tensor& x, const GatedFeedForward& layer) {
#if CAMEO_CPU_KERNELS
  const auto& [hidden_weight, hidden_bias, out_weight, out_bias] = layer;
  const auto isBias = [&](const at::Tensor& bias) {
    return bias.scalar_type() == x.scalar_type() && bias.is_contiguous();
  };
  return x.dim() == 2 && x.is_contiguous() && matrixUnitTakes(x, hidden_weight) &&
         matrixUnitPacks(x, out_weight) && out_weight.size(1) % kTile == 0 && isBias(hidden_bias) &&
         isBias(out_bias);
#else
  return false;
#endif
}

at::Tensor gatedFeedForward(const at::Tensor& x, const GatedFeedForward& layer, const at::Tensor& added) {
  const at::Tensor y = at::empty_like(x);
#if CAMEO_CPU_KERNELS
  if (x.scalar_type() == at::kFloat) {
    computeAll<float>(x, layer, added, y);
  } else {
    computeAll<Half>(x, layer, added, y);
  }
#endif
  return y;
}

}  // namespace cameo::cpu
