#include "cpu/matrix_unit_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <type_traits>

#include "cpu/matrix.h"
#include "cpu/matrix_unit.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kColumns = 64;    // of a product
constexpr int64_t kMaxDepth = 640;  // of what is summed over
constexpr int64_t kMinRows = 64, kMaxRows = 256;
constexpr int64_t kRowsBytes = 1 << 20;  // of x, which stay in a core's cache
constexpr int64_t kLeastRows = 256;      // for which packing the weight pays
constexpr int64_t kBytes = sizeof(Half);

/// What is computed, of tensors of such values; a thread takes so many `rows` at a time.
template <typename Value>
struct Product {
  static constexpr int64_t kParts = std::is_same_v<Value, float> ? kFloatParts : 1;

  const Value *x, *w, *bias;
  Value* y;
  int64_t all_rows, in, out;
  int64_t x_row, w_out, w_in;  // how far apart
  int64_t rows, blocks;

  Product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& y)
      : x(x.const_data_ptr<Value>()),
        w(weight.const_data_ptr<Value>()),
        bias(bias.defined() ? bias.const_data_ptr<Value>() : nullptr),
        y(y.mutable_data_ptr<Value>()),
        all_rows(x.size(0)),
        in(x.size(1)),
        out(weight.size(0)),
        x_row(x.stride(0)),
        w_out(weight.stride(0)),
        w_in(weight.stride(1)) {
    const int64_t most = std::clamp(kRowsBytes / (kParts * in * kBytes), kMinRows, kMaxRows);
    rows = equalShare(all_rows, most);
    blocks = (all_rows + rows - 1) / rows;
  }

  /// Numbers of the weight's parts for so many columns of the result.
  int64_t packed(int64_t columns) const { return kParts * in * columns; }
};

template <typename Value>
CAMEO_FOR_EACH_CPU void addBias(const float* sums, const Value* bias, int64_t rows, int64_t columns, Value* y,
                                int64_t y_row) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < columns; k += kLanes) {
      const Vector shift = bias ? load(bias + k) : Vector{};
      storePast(y + row * y_row + k, load(sums + row * columns + k) + shift);
    }
  }
  finishStores();
}

template <typename Value>
CAMEO_FOR_EACH_CPU void widen(RowsOf<Value> x, int64_t rows, int64_t columns, float* to) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      store(to + row * columns + j, load(x.values + row * x.stride + j));
    }
  }
}

/// (kTile, count) of W^T from its place on: its parts, (kTile / 2, count, 2) each.
template <typename Value>
void packPiece(const Product<Value>& job, const Value* from, int64_t count, float* room, Half* to) {
  const int64_t of_part = job.in * count;
  if (job.w_in > 1) {
    widen(RowsOf<Value>{from, job.w_in}, kTile, count, room);
  } else if constexpr (std::is_same_v<Value, float>) {
    turn({from, job.w_out}, count, kTile, room, count);
  } else {
    // A pair has the size of a float.
    turn({reinterpret_cast<const float*>(from), job.w_out / 2}, count, kTile / 2,
         reinterpret_cast<float*>(to), count);
    return;
  }
  splitPairs<Product<Value>::kParts>({room, count}, kTile, count, to, of_part);
}

/// The weight's parts for the `columns` of the result from `first` on, for `kColumns` at a time (kParts, in /
/// 2, columns, 2).
template <typename Value>
void packWeight(const Product<Value>& job, int64_t first, int64_t columns, Half* packed) {
  const ThreadScratch scratch(kTile * kColumns);
  const int64_t pieces = job.in / kTile;
  at::parallel_for(0, (columns + kColumns - 1) / kColumns * pieces, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t column = first + i / pieces * kColumns, input = i % pieces * kTile;
      const int64_t count = std::min(kColumns, first + columns - column);
      packPiece(job, job.w + column * job.w_out + input * job.w_in, count, scratch.mine(),
                packed + job.packed(column - first) + input * count);
    }
  });
}

/// Some rows of x as left operands, in parts (kParts, rows, in) where they are not in bf16 already.
RowsOf<Half> leftOperand(const Product<float>& job, int64_t row, int64_t rows, Half* parts) {
  splitRows<kFloatParts>({job.x + row * job.x_row, job.x_row}, rows, job.in, parts, job.in, rows * job.in);
  return {parts, job.in};
}

RowsOf<Half> leftOperand(const Product<Half>& job, int64_t row, int64_t, Half*) {
  return {job.x + row * job.x_row, job.x_row};
}

template <typename Value>
void multiplyBlock(const Product<Value>& job, int64_t row, int64_t first, int64_t columns, const Half* packed,
                   Half* parts, float* sums) {
  const int64_t rows = std::min(job.rows, job.all_rows - row);
  const RowsOf<Half> x = leftOperand(job, row, rows, parts);
  for (int64_t column = 0; column < columns; column += kColumns) {
    const int64_t count = std::min(kColumns, columns - column);
    const Half* weight = packed + job.packed(column);
    bool adds = false;
    for (int64_t depth = 0; depth < job.in; depth += kMaxDepth) {
      for (const auto& [of_x, of_weight] : partProducts<Product<Value>::kParts>()) {
        multiply(rows, count, std::min(kMaxDepth, job.in - depth),
                 {x.values + of_x * rows * job.in + depth, x.stride},
                 {weight + of_weight * job.in * count + depth * count, count}, sums, count, adds);
        adds = true;
      }
    }
    addBias(sums, job.bias ? job.bias + first + column : nullptr, rows, count,
            job.y + row * job.out + first + column, job.out);
  }
}

template <typename Value>
void multiplyAll(const Product<Value>& job) {
  // As many columns at a time as the last cache holds of the weight's parts.
  const int64_t group = std::max<int64_t>(1, cacheShare() / (job.packed(kColumns) * kBytes)) * kColumns;
  const at::Tensor packed = at::empty({job.packed(std::min(group, job.out))}, at::kBFloat16);
  const int64_t parts = Product<Value>::kParts == 1 ? 0 : job.rows * job.in;  // floats: two of bf16
  const ThreadScratch scratch(parts + job.rows * kColumns);
  for (int64_t first = 0; first < job.out; first += group) {
    const int64_t columns = std::min(group, job.out - first);
    packWeight(job, first, columns, packed.mutable_data_ptr<Half>());
    at::parallel_for(0, job.blocks, 1, [&](int64_t begin, int64_t end) {
      float* const mine = scratch.mine();
      for (int64_t block = begin; block < end; ++block) {
        multiplyBlock(job, block * job.rows, first, columns, packed.const_data_ptr<Half>(),
                      reinterpret_cast<Half*>(mine), mine + parts);
      }
      releaseMatrixUnit();
    });
  }
}

#endif

}  // namespace

bool matrixUnitTakes(const at::Tensor& x, const at::Tensor& weight) {
#if CAMEO_CPU_KERNELS
  const auto kind = x.scalar_type();
  const auto fits = [&](const at::Tensor& t) {
    return t.is_cpu() && t.scalar_type() == kind && t.dim() == 2;
  };
  const bool known = kind == at::kFloat || kind == at::kBFloat16;
  const bool lies = weight.stride(0) == 1 || (weight.stride(1) == 1 && weight.stride(0) % 2 == 0);
  return known && fits(x) && fits(weight) && x.stride(1) == 1 && lies && x.size(0) >= kLeastRows &&
         x.size(1) % kTile == 0 && weight.size(0) % kLanes == 0 && hasMatrixUnit();
#else
  return false;
#endif
}

at::Tensor matrixUnitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
#if CAMEO_CPU_KERNELS
  if (x.scalar_type() == at::kFloat) {
    multiplyAll(Product<float>(x, weight, bias, y));
  } else {
    multiplyAll(Product<Half>(x, weight, bias, y));
  }
#endif
  return y;
}

}  // namespace cameo::cpu
