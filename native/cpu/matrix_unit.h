#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <span>
#include <utility>

#include "cpu/matrix.h"
#include "cpu/vector.h"

namespace cameo::cpu {

/// Whether this CPU has a matrix unit for bf16 (AMX), and this libtorch the kernels for it.
bool hasMatrixUnit();

#if CAMEO_CPU_KERNELS

using Half = c10::BFloat16;

constexpr int64_t kTile = 32;  // numbers that the matrix unit sums over at a time

/// A number of fp32 is the sum of so many of bf16, but for some 4e-6 of it (arXiv 1904.06376).
constexpr int64_t kFloatParts = 2;

/// Which parts of two numbers are multiplied, the smallest products first: all but that of both second parts.
constexpr std::pair<int64_t, int64_t> kPartProducts[] = {{1, 0}, {0, 1}, {0, 0}};

template <int64_t parts>
constexpr std::span<const std::pair<int64_t, int64_t>> partProducts() {
  static_assert(parts == 1 || parts == kFloatParts);
  return std::span(kPartProducts).subspan(parts == 1 ? 2 : 0);
}

/// c (rows, columns), `stride` numbers from row to row, = a (rows, depth) b (depth, columns), summed in fp32
/// and added to what is there where `adds`. The depth is a multiple of `kTile`, and b's rows lie in pairs,
/// (depth / 2, columns, 2), so many columns apart as its stride says. By this thread alone, which calls
/// `releaseMatrixUnit` after its last.
void multiply(int64_t rows, int64_t columns, int64_t depth, RowsOf<Half> a, RowsOf<Half> b, float* c,
              int64_t stride, bool adds);

void releaseMatrixUnit();

/// x rounded to bf16, halfway to even; x becomes what is left of it. A number 2^16 times as large has no
/// digits for what is to go, so that x's sum with it is rounded where it should be: half of the time of
/// `store`'s way, for numbers of up to 2^111. Not a number stays that.
CAMEO_INLINE Bits splitOff(Vector& x) {
  const Vector large = reinterpret_cast<Vector>(reinterpret_cast<Bits>(x) + (16 << 23));
  const Vector rounded = (x + large) - large;
  x -= rounded;
  return reinterpret_cast<Bits>(rounded);
}

/// Rounded, halfway up; the lower 16 bits are of no meaning. Of what is left of a number: what is not one
/// says so in its first part.
CAMEO_INLINE Bits lastPart(const Vector& rest) {
  return reinterpret_cast<Bits>(rest) + 0x8000;
}

CAMEO_INLINE Bits partOf(Vector& rest, int64_t part) {
  return part == 0 ? splitOff(rest) : lastPart(rest);
}

/// x's parts, `of_part` numbers from part to part.
template <int64_t parts>
CAMEO_INLINE void storeParts(Half* to, int64_t of_part, const Vector& x) {
  Vector rest = x;
  for (int64_t part = 0; part < parts; ++part) {
    storeHalves(to + part * of_part, partOf(rest, part));
  }
}

/// The parts of numbers of two rows, in pairs.
template <int64_t parts>
CAMEO_INLINE void storePairs(Half* to, int64_t of_part, const Vector& even, const Vector& odd) {
  Vector low = even, high = odd;
  for (int64_t part = 0; part < parts; ++part) {
    *reinterpret_cast<Bits*>(to + part * of_part) =
        partOf(low, part) >> 16 | (partOf(high, part) & 0xffff0000);
  }
}

/// x (rows, columns) in parts, `of_part` numbers from part to part.
template <int64_t parts>
CAMEO_FOR_EACH_CPU void splitRows(Rows x, int64_t rows, int64_t columns, Half* to, int64_t stride,
                                  int64_t of_part) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      storeParts<parts>(to + row * stride + j, of_part, load(x.values + row * x.stride + j));
    }
  }
}

/// The same in pairs of rows, (rows / 2, columns, 2).
template <int64_t parts>
CAMEO_FOR_EACH_CPU void splitPairs(Rows x, int64_t rows, int64_t columns, Half* to, int64_t of_part) {
  for (int64_t i = 0; i < rows; i += 2) {
    const float *even = x.values + i * x.stride, *odd = even + x.stride;
    for (int64_t j = 0; j < columns; j += kLanes) {
      storePairs<parts>(to + i * columns + 2 * j, of_part, load(even + j), load(odd + j));
    }
  }
}

#endif

}  // namespace cameo::cpu
