#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "cpu/matrix_unit_panels.h"

namespace cameo::cpu {

/// Whether the matrix unit multiplies x with this weight, in less time than oneDNN: x (rows, in) with dense
/// rows, weight (out, in) or its transpose laid out so, both fp32 or both bf16, on a CPU with AMX whose
/// matrix kernels libtorch has.
bool matrixUnitTakes(const at::Tensor& x, const at::Tensor& weight);

/// The weight's part of that: it can be packed for products with numbers of x's type.
bool matrixUnitPacks(const at::Tensor& x, const at::Tensor& weight);

#if CAMEO_CPU_KERNELS

/// W (out, in) of a layer x W^T.
template <typename Value>
struct UnitWeight {
  static constexpr int64_t kParts = kPartsOf<Value>;

  const Value* values;
  int64_t out, in;
  int64_t out_stride, in_stride;

  explicit UnitWeight(const at::Tensor& weight)
      : values(weight.const_data_ptr<Value>()),
        out(weight.size(0)),
        in(weight.size(1)),
        out_stride(weight.stride(0)),
        in_stride(weight.stride(1)) {}

  /// Numbers of a panel.
  int64_t panel() const { return panelNumbers<kParts>(in); }
};

/// Which columns of a result are packed: `count` from `first` on, or of two halves of the result, the second
/// of them `gates` further, so many of each, by turns `kTileRows` of the one and of the other.
struct PackedColumns {
  int64_t first, count, gates = 0;

  int64_t panels() const { return ((gates > 0 ? 2 : 1) * count + kPanel - 1) / kPanel; }
};

/// The right panels of these columns; the last one's that are missing are zeros. On all threads.
template <typename Value>
void packWeight(const UnitWeight<Value>& weight, const PackedColumns& columns, Half* panels);

/// A block of sums (kPanel, kPanel) and its place in the result, which has so many of its `rows` and
/// `columns`.
template <typename Value>
struct FinishedBlock {
  const float* sums = nullptr;
  int64_t rows = 0, columns = 0;
  const Value *bias = nullptr, *added = nullptr;
  Value* y = nullptr;
  int64_t stride = 0;

  /// y = sums + bias + added, past the caches.
  CAMEO_INLINE void finish(int64_t row) const {
    if (row >= rows) return;
    for (int64_t k = 0; k < columns; k += kLanes) {
      Vector sum = load(sums + row * kPanel + k);
      if (bias) sum += load(bias + k);
      if (added) sum += load(added + row * stride + k);
      storePast(y + row * stride + k, sum);
    }
  }
};

/// y (rows, columns), with a bias (columns) and more to add (rows, columns), of which either may be null.
template <typename Value>
struct UnitResult {
  int64_t rows, columns;
  const Value *bias, *added;
  Value* y;

  UnitResult(const at::Tensor& y, int64_t columns, const at::Tensor& bias, const at::Tensor& added)
      : rows(y.numel() / columns),
        columns(columns),
        bias(valuesOf(bias)),
        added(valuesOf(added)),
        y(y.mutable_data_ptr<Value>()) {}

  FinishedBlock<Value> block(const float* sums, int64_t row, int64_t column) const {
    const int64_t place = row * columns + column;
    return {sums,
            std::min(kPanel, rows - row),
            std::min(kPanel, columns - column),
            bias ? bias + column : nullptr,
            added ? added + place : nullptr,
            y + place,
            columns};
  }

 private:
  static const Value* valuesOf(const at::Tensor& x) {
    return x.defined() ? x.const_data_ptr<Value>() : nullptr;
  }
};

#endif

}  // namespace cameo::cpu
