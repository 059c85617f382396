#include "cpu/matrix_unit_weight.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kLeastRows = 256;  // for which packing the weight pays

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
void packPiece(const UnitWeight<Value>& weight, const Value* from, int64_t count, float* room, Half* to) {
  if (weight.in_stride > 1) {
    widen(RowsOf<Value>{from, weight.in_stride}, kTile, count, room);
  } else if constexpr (std::is_same_v<Value, float>) {
    turn({from, weight.out_stride}, count, kTile, room, count);
  } else {
    // A pair has the size of a float.
    turn({reinterpret_cast<const float*>(from), weight.out_stride / 2}, count, kTile / 2,
         reinterpret_cast<float*>(to), count);
    return;
  }
  splitPairs<UnitWeight<Value>::kParts>({room, count}, kTile, count, to, weight.in * count);
}

#endif

}  // namespace

#if CAMEO_CPU_KERNELS

template <typename Value>
void packWeight(const UnitWeight<Value>& weight, int64_t first, int64_t columns, Half* packed) {
  const ThreadScratch scratch(kTile * kColumns);
  const int64_t pieces = weight.in / kTile;
  at::parallel_for(0, (columns + kColumns - 1) / kColumns * pieces, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t column = first + i / pieces * kColumns, input = i % pieces * kTile;
      const int64_t count = std::min(kColumns, first + columns - column);
      packPiece(weight, weight.values + column * weight.out_stride + input * weight.in_stride, count,
                scratch.mine(), packed + weight.packed(column - first) + input * count);
    }
  });
}

template void packWeight(const UnitWeight<float>&, int64_t, int64_t, Half*);
template void packWeight(const UnitWeight<Half>&, int64_t, int64_t, Half*);

#endif

bool matrixUnitPacks(const at::Tensor& x, const at::Tensor& weight) {
#if CAMEO_CPU_KERNELS
  const bool known = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return known && weight.is_cpu() && weight.scalar_type() == x.scalar_type() && weight.dim() == 2 &&
         (weight.stride(0) == 1 || (weight.stride(1) == 1 && weight.stride(0) % 2 == 0)) &&
         weight.size(1) % kTile == 0 && weight.size(0) % kLanes == 0 && hasMatrixUnit();
#else
  return false;
#endif
}

bool matrixUnitTakes(const at::Tensor& x, const at::Tensor& weight) {
#if CAMEO_CPU_KERNELS
  return x.is_cpu() && x.dim() == 2 && x.stride(1) == 1 && x.size(0) >= kLeastRows &&
         matrixUnitPacks(x, weight);
#else
  return false;
#endif
}

}  // namespace cameo::cpu
