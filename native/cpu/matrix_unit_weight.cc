#include "cpu/matrix_unit_weight.h"
#include "cpu/pieces.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kLeastRows = 256;  // for which packing the weight pays

/// Rows of the weight's transpose, of `kTileRows` columns: tiles of pairs of them, part by part.
template <typename Value>
CAMEO_INLINE void storePairsOfRows(const Vector (&rows)[kTile], Half* to) {
  for (int64_t row = 0; row < kTile; row += 2) {
    storePairs<kPartsOf<Value>>(to + row * kTileRows, 2 * kTileNumbers, rows[row], rows[row + 1]);
  }
}

CAMEO_INLINE void turnSquare(const float* from, int64_t stride, Vector* to) {
  Vector square[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) square[i] = load(from + i * stride);
  transpose(square);
  for (int64_t i = 0; i < kLanes; ++i) to[i] = square[i];
}

/// (kTileRows, kTile) of a weight from its place on, turned.
template <typename Value>
CAMEO_FOR_EACH_CPU void packTile(const UnitWeight<Value>& weight, const Value* from, Half* to) {
  if (weight.in_stride > 1) {
    Vector rows[kTile];
    for (int64_t i = 0; i < kTile; ++i) rows[i] = load(from + i * weight.in_stride);
    storePairsOfRows<Value>(rows, to);
  } else if constexpr (std::is_same_v<Value, float>) {
    Vector rows[kTile];
    for (int64_t j = 0; j < kTile; j += kLanes) turnSquare(from + j, weight.out_stride, rows + j);
    storePairsOfRows<Value>(rows, to);
  } else {
    // A pair has the size of a float.
    Vector rows[kLanes];
    turnSquare(reinterpret_cast<const float*>(from), weight.out_stride / 2, rows);
    for (int64_t i = 0; i < kLanes; ++i) store(reinterpret_cast<float*>(to) + i * kTileRows, rows[i]);
  }
}

#endif

}  // namespace

#if CAMEO_CPU_KERNELS

template <typename Value>
void packWeight(const UnitWeight<Value>& weight, const PackedColumns& columns, Half* panels) {
  constexpr int64_t parts = kPartsOf<Value>;
  const int64_t of_each = columns.count / kTileRows, given = columns.gates > 0 ? 2 * of_each : of_each;
  forEachPiece(2 * columns.panels(), pieceOf(2 * columns.panels(), 1), [&](int64_t begin, int64_t end) {
    for (int64_t half = begin; half < end; ++half) {
      const int64_t place = columns.gates > 0 ? half / 2 : half, gates = half % 2 * columns.gates;
      const Value* const from =
          weight.values + (columns.first + place * kTileRows + gates) * weight.out_stride;
      Half* to = panels + half / 2 * weight.panel() + half % 2 * kTileNumbers;
      for (int64_t input = 0; input < weight.in; input += kTile, to += kStepNumbers<parts>) {
        if (half < given) {
          packTile(weight, from + input * weight.in_stride, to);
        } else {
          for (int64_t part = 0; part < parts; ++part) {
            std::fill_n(to + part * 2 * kTileNumbers, kTileNumbers, Half(0));
          }
        }
      }
    }
  });
}

template void packWeight(const UnitWeight<float>&, const PackedColumns&, Half*);
template void packWeight(const UnitWeight<Half>&, const PackedColumns&, Half*);

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
