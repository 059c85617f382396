#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <type_traits>

#include "cpu/matrix.h"
#include "cpu/matrix_unit.h"
#include "cpu/vector.h"

namespace cameo::cpu {

/// Whether the matrix unit multiplies x with this weight, in less time than oneDNN: x (rows, in) with dense
/// rows, weight (out, in) or its transpose laid out so, both fp32 or both bf16, on a CPU with AMX whose
/// matrix kernels libtorch has.
bool matrixUnitTakes(const at::Tensor& x, const at::Tensor& weight);

/// The weight's part of that: it can be packed for products with numbers of x's type.
bool matrixUnitPacks(const at::Tensor& x, const at::Tensor& weight);

#if CAMEO_CPU_KERNELS

constexpr int64_t kColumns = 64;    // of a product at a time
constexpr int64_t kMaxDepth = 640;  // of what it sums over

/// W (out, in) of a layer x W^T, and how it is packed: of every `kColumns` of the result, its parts (kParts,
/// in / 2, columns, 2).
template <typename Value>
struct UnitWeight {
  static constexpr int64_t kParts = std::is_same_v<Value, float> ? kFloatParts : 1;

  const Value* values;
  int64_t out, in;
  int64_t out_stride, in_stride;

  explicit UnitWeight(const at::Tensor& weight)
      : values(weight.const_data_ptr<Value>()),
        out(weight.size(0)),
        in(weight.size(1)),
        out_stride(weight.stride(0)),
        in_stride(weight.stride(1)) {}

  /// Numbers for so many columns of the result.
  int64_t packed(int64_t columns) const { return kParts * in * columns; }
};

/// For the `columns` of the result from `first` on. On all threads.
template <typename Value>
void packWeight(const UnitWeight<Value>& weight, int64_t first, int64_t columns, Half* packed);

/// Rows that are multiplied, in parts, `of_part` numbers from part to part.
struct UnitRows {
  RowsOf<Half> rows;
  int64_t of_part;
};

/// Of fp32, taken apart into `parts` (kParts, rows, in); of bf16, as they are.
inline UnitRows unitRows(RowsOf<float> x, int64_t rows, int64_t in, Half* parts) {
  splitRows<kFloatParts>(x, rows, in, parts, in, rows * in);
  return {{parts, in}, rows * in};
}

inline UnitRows unitRows(RowsOf<Half> x, int64_t, int64_t, Half*) {
  return {x, 0};
}

/// sums (rows, columns) = x (rows, depth) times so many columns of a weight, packed, from `packed` on; its
/// parts are `of_part` numbers apart. Added to what is there where `adds`.
template <int64_t parts>
void multiplyParts(int64_t rows, int64_t columns, int64_t depth, const UnitRows& x, const Half* packed,
                   int64_t of_part, float* sums, bool adds = false) {
  for (int64_t at = 0; at < depth; at += kMaxDepth) {
    for (const auto& [of_x, of_weight] : partProducts<parts>()) {
      multiply(rows, columns, std::min(kMaxDepth, depth - at),
               {x.rows.values + of_x * x.of_part + at, x.rows.stride},
               {packed + of_weight * of_part + at * columns, columns}, sums, columns, adds);
      adds = true;
    }
  }
}

/// y (rows, columns) = sums + bias + added, of which either may be null, written past the caches; `stride`
/// numbers from row to row of both y and `added`.
template <typename Value>
CAMEO_FOR_EACH_CPU void finishProduct(const float* sums, int64_t rows, int64_t columns, const Value* bias,
                                      const Value* added, Value* y, int64_t stride) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < columns; k += kLanes) {
      Vector sum = load(sums + row * columns + k);
      if (bias) sum += load(bias + k);
      if (added) sum += load(added + row * stride + k);
      storePast(y + row * stride + k, sum);
    }
  }
  finishStores();
}

#endif

}  // namespace cameo::cpu
