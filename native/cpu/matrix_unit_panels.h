#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "cpu/matrix.h"
#include "cpu/matrix_unit.h"
#include "cpu/vector.h"

#if CAMEO_CPU_KERNELS

#include <immintrin.h>

/// Of functions that use the matrix unit, also where they only call those that are inlined.
#define CAMEO_MATRIX_UNIT __attribute__((target("arch=x86-64-v4,amx-tile,amx-bf16")))
#define CAMEO_INLINE_UNIT CAMEO_INLINE CAMEO_MATRIX_UNIT

namespace cameo::cpu {

// Operands lie in the order in which the matrix unit reads them: from a core's second cache, rows that are
// apart come at half the rate.

constexpr int64_t kPanel = 32;               // rows of a left operand, columns of a right one
constexpr int64_t kBlock = kPanel * kPanel;  // sums of a left and a right panel
constexpr int64_t kTileRows = 16;            // of a register
constexpr int64_t kTileNumbers = kTileRows * kTile;

/// Numbers of a panel, (depth / kTile, parts, 2, kTileNumbers): of every `kTile` that are summed over, part
/// by part, a tile of 16 rows (16, kTile) or columns (kTile / 2, 16, 2), then that of the other 16.
template <int64_t parts>
constexpr int64_t panelNumbers(int64_t depth) {
  return parts * kPanel * depth;
}

/// Numbers from a panel's tile to the one `kTile` further in depth.
template <int64_t parts>
constexpr int64_t kStepNumbers = panelNumbers<parts>(kTile);

/// While it lives, this thread may call `multiplyPanels`, and nothing else that uses the matrix unit.
class MatrixUnitTiles {
 public:
  MatrixUnitTiles();
  ~MatrixUnitTiles();
  MatrixUnitTiles(const MatrixUnitTiles&) = delete;
  MatrixUnitTiles& operator=(const MatrixUnitTiles&) = delete;
};

namespace registers {

constexpr int64_t kSumsBytes = kPanel * sizeof(float);  // of a row

CAMEO_INLINE_UNIT void loadSums(const float* sums) {
  const float* const lower = sums + kTileRows * kPanel;
  _tile_loadd(0, sums, kSumsBytes);
  _tile_loadd(1, sums + kTileRows, kSumsBytes);
  _tile_loadd(2, lower, kSumsBytes);
  _tile_loadd(3, lower + kTileRows, kSumsBytes);
}

CAMEO_INLINE_UNIT void storeSums(float* sums) {
  float* const lower = sums + kTileRows * kPanel;
  _tile_stored(0, sums, kSumsBytes);
  _tile_stored(1, sums + kTileRows, kSumsBytes);
  _tile_stored(2, lower, kSumsBytes);
  _tile_stored(3, lower + kTileRows, kSumsBytes);
}

CAMEO_INLINE_UNIT void zeroSums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

template <int64_t parts>
void addStep(const Half* left, const Half* right);

/// One step of products of numbers that are in bf16.
template <>
CAMEO_INLINE_UNIT void addStep<1>(const Half* left, const Half* right) {
  _tile_loadd(4, left, 64);
  _tile_loadd(6, right, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(7, right + kTileNumbers, 64);
  _tile_dpbf16ps(1, 4, 7);
  _tile_loadd(5, left + kTileNumbers, 64);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

/// One step of those of numbers in two parts: every tile is read once.
template <>
CAMEO_INLINE_UNIT void addStep<kFloatParts>(const Half* left, const Half* right) {
  _tile_loadd(4, left, 64);
  _tile_loadd(6, right + 2 * kTileNumbers, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(7, right + 3 * kTileNumbers, 64);
  _tile_dpbf16ps(1, 4, 7);
  _tile_loadd(5, left + kTileNumbers, 64);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);

  _tile_loadd(6, right, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(2, 5, 6);
  _tile_loadd(7, right + kTileNumbers, 64);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(3, 5, 7);

  _tile_loadd(4, left + 2 * kTileNumbers, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  _tile_loadd(5, left + 3 * kTileNumbers, 64);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

}  // namespace registers

/// sums (kPanel, kPanel) = the product of a left and a right panel, added to what is there where `adds`. Of
/// two parts, all products but that of both second ones (arXiv 1904.06376). Meanwhile it calls `work` with
/// each of `kPanel` rows: of another block, whose vectors are computed beside the matrix unit.
template <int64_t parts, typename Work>
CAMEO_INLINE_UNIT void multiplyPanels(const Half* left, const Half* right, int64_t depth, float* sums,
                                      bool adds, const Work& work) {
  asm volatile("" ::: "memory");  // GCC's functions don't say that they read it
  const int64_t steps = depth / kTile, rows = (kPanel + steps - 1) / steps;
  int64_t row = 0;
  if (adds) {
    registers::loadSums(sums);
  } else {
    registers::zeroSums();
  }
  for (int64_t step = 0; step < steps; ++step) {
    registers::addStep<parts>(left + step * kStepNumbers<parts>, right + step * kStepNumbers<parts>);
    for (const int64_t end = std::min(kPanel, row + rows); row < end; ++row) work(row);
  }
  registers::storeSums(sums);
}

/// Of how many parts a number of the matrix unit is: fp32 is taken apart.
template <typename Value>
constexpr int64_t kPartsOf = std::is_same_v<Value, float> ? kFloatParts : 1;

/// Where a row of a left operand of such numbers begins.
template <typename Value>
constexpr int64_t placeOfRow(int64_t row, int64_t depth) {
  return row / kPanel * panelNumbers<kPartsOf<Value>>(depth) + row % kPanel * kTile;
}

/// Numbers of a row to their place, from tile to tile; zeros where there is none.
CAMEO_INLINE void packRow(const float* x, int64_t depth, Half* to) {
  for (int64_t at = 0; at < depth; at += kTile, to += kStepNumbers<kFloatParts>) {
    for (int64_t j = 0; j < kTile; j += kLanes) {
      storeParts<kFloatParts>(to + j, 2 * kTileNumbers, x ? load(x + at + j) : Vector{});
    }
  }
}

CAMEO_INLINE void packRow(const Half* x, int64_t depth, Half* to) {
  for (int64_t at = 0; at < depth; at += kTile, to += kStepNumbers<1>) {
    if (x) {
      std::copy_n(x + at, kTile, to);
    } else {
      std::fill_n(to, kTile, Half(0));
    }
  }
}

/// x (rows, depth) as a left operand, of fp32 in parts; rows that are missing in the last panel are zeros.
template <typename Value>
void packRows(RowsOf<Value> x, int64_t rows, int64_t depth, Half* panels);

}  // namespace cameo::cpu

#endif
