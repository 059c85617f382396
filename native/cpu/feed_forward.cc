#include "cpu/feed_forward.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "cpu/gelu.h"
#include "cpu/matrix_unit_weight.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kSlice = kMaxDepth;  // hidden states at a time
constexpr int64_t kMinRows = 64, kMaxRows = 256;
constexpr int64_t kBytes = 2400 << 10;  // of what a thread computes, most of which its core's cache holds

/// Hidden states (rows, columns), as the parts of rows that are multiplied: values and gates are sums without
/// their biases.
template <typename Value>
CAMEO_FOR_EACH_CPU void gateColumns(const float* values, const float* gates, int64_t rows,
                                    const Value* of_values, const Value* of_gates, Half* to, int64_t stride,
                                    int64_t of_part) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t j = 0; j < kColumns; j += kLanes) {
      const int64_t at = row * kColumns + j;
      const Vector gate = load(gates + at) + load(of_gates + j);
      storeParts<UnitWeight<Value>::kParts>(to + row * stride + j, of_part,
                                            (load(values + at) + load(of_values + j)) * gelu(gate));
    }
  }
}

/// The layer, packed, and its tokens. A thread takes so many `rows` at a time.
template <typename Value>
struct Job {
  static constexpr int64_t kParts = UnitWeight<Value>::kParts;

  UnitWeight<Value> hidden_weight, out_weight;
  at::Tensor packed;
  Half *packed_hidden, *packed_out;
  const Value *hidden_bias, *out_bias, *x, *added;
  Value* y;
  int64_t all_rows, dim, hidden, slice, rows;

  Job(const at::Tensor& x, const GatedFeedForward& layer, const at::Tensor& added, const at::Tensor& y)
      : hidden_weight(layer.hidden_weight),
        out_weight(layer.out_weight),
        packed(at::empty({hidden_weight.packed(hidden_weight.out) + out_weight.packed(out_weight.out)},
                         at::kBFloat16)),
        packed_hidden(packed.mutable_data_ptr<Half>()),
        packed_out(packed_hidden + hidden_weight.packed(hidden_weight.out)),
        hidden_bias(layer.hidden_bias.const_data_ptr<Value>()),
        out_bias(layer.out_bias.const_data_ptr<Value>()),
        x(x.const_data_ptr<Value>()),
        added(added.const_data_ptr<Value>()),
        y(y.mutable_data_ptr<Value>()),
        all_rows(x.size(0)),
        dim(x.size(1)),
        hidden(layer.out_weight.size(1)),
        slice(std::min(kSlice, hidden)) {
    const int64_t bytes = kParts * (dim + slice) * sizeof(Half) + (dim + 2 * kColumns) * sizeof(float);
    rows = equalShare(all_rows, std::clamp(kBytes / bytes, kMinRows, kMaxRows));
    packWeight(hidden_weight, 0, hidden_weight.out, packed_hidden);
    packWeight(out_weight, 0, out_weight.out, packed_out);
  }
};

template <typename Value>
struct Buffers {
  Half *x, *hidden;
  float *values, *gates, *sums;

  Buffers(const Job<Value>& job, Pieces* pieces) {
    x = pieces->take<Half>(job.kParts * job.rows * job.dim);
    hidden = pieces->take<Half>(job.kParts * job.rows * job.slice);
    values = pieces->take(job.rows * kColumns);
    gates = pieces->take(job.rows * kColumns);
    sums = pieces->take(job.rows * job.dim);
  }
};

/// Of the hidden states, `width` from `first` on of some rows.
template <typename Value>
void computeHidden(const Job<Value>& job, const UnitRows& x, int64_t rows, int64_t first, int64_t width,
                   const Buffers<Value>& to) {
  const auto multiplyColumns = [&](int64_t column, float* sums) {
    multiplyParts<Job<Value>::kParts>(rows, kColumns, job.dim, x,
                                      job.packed_hidden + job.hidden_weight.packed(column),
                                      job.dim * kColumns, sums);
  };
  for (int64_t j = 0; j < width; j += kColumns) {
    const int64_t value = first + j, gate = job.hidden + value;
    multiplyColumns(value, to.values);
    multiplyColumns(gate, to.gates);
    gateColumns(to.values, to.gates, rows, job.hidden_bias + value, job.hidden_bias + gate, to.hidden + j,
                width, rows * width);
  }
}

template <typename Value>
void computeRows(const Job<Value>& job, int64_t row, const Buffers<Value>& to) {
  const int64_t rows = std::min(job.rows, job.all_rows - row), start = row * job.dim;
  const UnitRows x = unitRows({job.x + start, job.dim}, rows, job.dim, to.x);
  const auto forColumns = [&](const auto& each) {
    for (int64_t j = 0; j < job.dim; j += kColumns) each(j, std::min(kColumns, job.dim - j));
  };
  for (int64_t first = 0; first < job.hidden; first += job.slice) {
    const int64_t width = std::min(job.slice, job.hidden - first);
    computeHidden(job, x, rows, first, width, to);
    forColumns([&](int64_t j, int64_t columns) {
      multiplyParts<Job<Value>::kParts>(rows, columns, width, {{to.hidden, width}, rows * width},
                                        job.packed_out + job.out_weight.packed(j) + first * columns,
                                        job.hidden * columns, to.sums + rows * j, /*adds=*/first > 0);
    });
  }
  forColumns([&](int64_t j, int64_t columns) {
    finishProduct(to.sums + rows * j, rows, columns, job.out_bias + j, job.added + start + j,
                  job.y + start + j, job.dim);
  });
}

template <typename Value>
void computeAll(const at::Tensor& x, const GatedFeedForward& layer, const at::Tensor& added,
                const at::Tensor& y) {
  const Job<Value> job(x, layer, added, y);
  Pieces counted;
  Buffers(job, &counted);
  const ThreadScratch scratch(counted.taken());
  at::parallel_for(0, (job.all_rows + job.rows - 1) / job.rows, 1, [&](int64_t begin, int64_t end) {
    Pieces pieces(scratch.mine());
    const Buffers buffers(job, &pieces);
    for (int64_t block = begin; block < end; ++block) computeRows(job, block * job.rows, buffers);
    releaseMatrixUnit();
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
         matrixUnitPacks(x, out_weight) && out_weight.size(1) % kColumns == 0 && isBias(hidden_bias) &&
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
