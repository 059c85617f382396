#pragma once

// How attention's products are computed: by `Floats`, or by `Halves` on the matrix unit. Operands are made of
// a head's rows of d numbers, copied as fp32 to `lines` (length, width): both padded with zeros, the length
// to a multiple of `kStep`.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

#include "cpu/matrix.h"
#include "cpu/matrix_unit.h"
#include "cpu/vector.h"

#if CAMEO_CPU_KERNELS

namespace cameo::cpu {

constexpr int64_t widthOf(int64_t d) {
  return roundedUp(d, kLanes);
}

/// One head of one sample (N, H, L, d).
template <typename Value>
struct Head {
  Value* rows;
  int64_t stride;

  Head(const at::Tensor& x, int64_t n, int64_t h)
      : rows(static_cast<Value*>(x.data_ptr()) + n * x.stride(0) + h * x.stride(1)), stride(x.stride(2)) {}
};

/// Of a row that is no multiple of a vector, the last one overlaps the one before it.
template <typename From, typename To>
CAMEO_INLINE void copyRow(const From* from, int64_t d, To* to) {
  if (d < kLanes) {
    for (int64_t j = 0; j < d; ++j) to[j] = static_cast<To>(from[j]);
    return;
  }
  for (int64_t j = 0; j + kLanes <= d; j += kLanes) store(to + j, load(from + j));
  if (d % kLanes > 0) store(to + d - kLanes, load(from + d - kLanes));
}

/// The rows from `first` on, as lines.
template <typename Value>
CAMEO_FOR_EACH_CPU void readLines(const Head<const Value>& head, int64_t first, int64_t rows, int64_t length,
                                  int64_t d, float* lines) {
  const int64_t width = widthOf(d);
  for (int64_t i = 0; i < rows; ++i) {
    const Value* row = head.rows + (first + i) * head.stride;
    for (int64_t j = 0; j < d; j += kLine) __builtin_prefetch(row + d + j);  // the next head's
    store(lines + (i + 1) * width - kLanes, Vector{});
    copyRow(row, d, lines + i * width);
  }
  std::fill(lines + rows * width, lines + length * width, 0.f);
}

template <typename Value>
CAMEO_FOR_EACH_CPU void writeLines(const float* lines, int64_t rows, int64_t d, const Head<Value>& head,
                                   int64_t first) {
  for (int64_t i = 0; i < rows; ++i) {
    copyRow(lines + i * widthOf(d), d, head.rows + (first + i) * head.stride);
  }
}

/// An operand of a product over the length. Its parts are `part` numbers apart.
template <typename Number>
struct Operand {
  const Number* values;
  int64_t stride, part;
};

struct Floats {
  using Value = float;   // of the tensors
  using Number = float;  // of the operands
  static constexpr int64_t kParts = 1;
  static constexpr int64_t kStep = kLanes;
  static constexpr int64_t kPaired = 1;  // numbers of a right operand's column side by side
  /// Whether scores are an operand where and as they are, from either side.
  static constexpr bool kInPlace = true;
  /// Whether what is computed need be no more exact than bf16.
  static constexpr bool kOfHalves = false;

  /// Numbers of a row of an operand for products over d.
  static int64_t depthOf(int64_t d) { return d; }
  /// Rows that a product gives which another sums over.
  static int64_t heightOf(int64_t rows) { return rows; }

  /// For products over d: from the left (length, depth), from the right (depth, columns), of whose columns
  /// these are some.
  static void packLeft(const float* lines, int64_t length, int64_t d, float* to) {
    for (int64_t i = 0; i < length; ++i) std::copy_n(lines + i * widthOf(d), d, to + i * d);
  }
  static void packRight(const float* lines, int64_t length, int64_t d, float* to, int64_t columns, float*) {
    turn({lines, widthOf(d)}, length, d, to, columns);
  }

  /// For products over the length: from the left (d, columns), from the right (length, width).
  static void packLeftOfLength(const float* lines, int64_t length, int64_t d, float* to, int64_t columns,
                               float*) {
    turn({lines, widthOf(d)}, length, d, to, columns);
  }
  static void packRightOfLength(const float* lines, int64_t length, int64_t d, float* to, int64_t) {
    std::copy_n(lines, length * widthOf(d), to);
  }

  CAMEO_INLINE static void storeLeft(float* to, int64_t, const Vector& x) { store(to, x); }
  CAMEO_INLINE static void storeRight(float*, int64_t, const Vector (&)[kPaired]) {}

  static void multiply(int64_t rows, int64_t columns, int64_t d, const float* left, const float* right,
                       int64_t right_columns, float* c, int64_t stride) {
    cpu::multiply(rows, columns, d, {left, d}, {right, right_columns}, c, stride);
  }
  static void multiplyLength(int64_t rows, int64_t columns, int64_t length, const Operand<float>& left,
                             const Operand<float>& right, float* c, int64_t stride, bool adds) {
    cpu::multiply(rows, columns, length, {left.values, left.stride}, {right.values, right.stride}, c, stride,
                  adds);
  }

  static void release() {}
};

/// Each of `depth` numbers of a row is the first of `d`, then the second: the parts of one number that meet
/// those of another in `kPartProducts`, one after the other. A product over d is then one over the depth.
template <int64_t parts>
CAMEO_FOR_EACH_CPU void concatenateParts(const float* lines, int64_t length, int64_t d, int64_t depth,
                                         bool is_left, Half* to) {
  for (int64_t row = 0; row < length; ++row) {
    // A part's last vector goes past it: what follows is written later, in this row or the next.
    Half* place = to + row * depth;
    std::fill_n(place + depth - kTile, kTile, Half(0));
    for (const auto& [of_left, of_right] : partProducts<parts>()) {
      for (int64_t j = 0; j < d; j += kLanes) {
        Vector rest = load(lines + row * widthOf(d) + j);
        Bits part = splitOff(rest);
        if ((is_left ? of_left : of_right) == 1) part = lastPart(rest);
        storeHalves(place + j, part);
      }
      place += d;
    }
  }
}

/// By the matrix unit, of numbers that are the sum of so many `parts`.
template <typename V, int64_t parts>
struct Halves {
  using Value = V;
  using Number = Half;
  static constexpr int64_t kParts = parts;
  static constexpr int64_t kStep = kTile;
  static constexpr int64_t kPaired = 2;
  static constexpr bool kInPlace = false;
  static constexpr bool kOfHalves = parts == 1;

  static int64_t depthOf(int64_t d) {
    return roundedUp(static_cast<int64_t>(partProducts<parts>().size()) * d, kTile);
  }
  static int64_t heightOf(int64_t rows) { return roundedUp(rows, kTile); }

  static void packLeft(const float* lines, int64_t length, int64_t d, Half* to) {
    concatenateParts<parts>(lines, length, d, depthOf(d), /*is_left=*/true, to);
  }
  static void packRight(const float* lines, int64_t length, int64_t d, Half* to, int64_t columns,
                        float* room) {
    const int64_t pairs = depthOf(d) / 2;
    // A pair has the size of a float.
    for (int64_t i = 0; i < length; i += kTile) {
      concatenateParts<parts>(lines + i * widthOf(d), kTile, d, 2 * pairs, /*is_left=*/false,
                              reinterpret_cast<Half*>(room));
      turn({room, pairs}, kTile, pairs, reinterpret_cast<float*>(to) + i, columns);
    }
  }

  static void packLeftOfLength(const float* lines, int64_t length, int64_t d, Half* to, int64_t columns,
                               float* room) {
    for (int64_t i = 0; i < length; i += kTile) {
      turn({lines + i * widthOf(d), widthOf(d)}, kTile, d, room, kTile);
      splitRows<parts>({room, kTile}, d, kTile, to + i, columns, d * columns);
    }
  }
  static void packRightOfLength(const float* lines, int64_t length, int64_t d, Half* to, int64_t of_part) {
    splitPairs<parts>({lines, widthOf(d)}, length, widthOf(d), to, of_part);
  }

  CAMEO_INLINE static void storeLeft(Half* to, int64_t of_part, const Vector& x) {
    storeParts<parts>(to, of_part, x);
  }
  CAMEO_INLINE static void storeRight(Half* to, int64_t of_part, const Vector (&rows)[kPaired]) {
    storePairs<parts>(to, of_part, rows[0], rows[1]);
  }

  static void multiply(int64_t rows, int64_t columns, int64_t d, const Half* left, const Half* right,
                       int64_t right_columns, float* c, int64_t stride) {
    const int64_t depth = depthOf(d);
    cpu::multiply(rows, columns, depth, {left, depth}, {right, right_columns}, c, stride, /*adds=*/false);
  }
  static void multiplyLength(int64_t rows, int64_t columns, int64_t length, const Operand<Half>& left,
                             const Operand<Half>& right, float* c, int64_t stride, bool adds) {
    for (const auto& [of_left, of_right] : partProducts<parts>()) {
      cpu::multiply(rows, columns, length, {left.values + of_left * left.part, left.stride},
                    {right.values + of_right * right.part, right.stride}, c, stride, adds);
      adds = true;
    }
  }

  static void release() { releaseMatrixUnit(); }
};

}  // namespace cameo::cpu

#endif
