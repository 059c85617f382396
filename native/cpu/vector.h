#pragma once

// Vectors of 16 numbers, which the compiler makes of whatever registers a CPU has. Functions that are marked
// CAMEO_FOR_EACH_CPU are compiled for several CPUs, one of which is chosen when the addon is loaded; what
// they call must be CAMEO_INLINE. Without CAMEO_CPU_KERNELS there are no vectors, and callers use libtorch's
// kernels.
#if defined(__GNUC__) && defined(__x86_64__) && defined(__linux__)
#define CAMEO_CPU_KERNELS 1
#define CAMEO_FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define CAMEO_INLINE inline __attribute__((always_inline))
// Vectors are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace cameo::cpu {

constexpr int64_t kLanes = 16;

/// May stand at any float's address.
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float))));
typedef int32_t Integers __attribute__((vector_size(kLanes * sizeof(int32_t)), aligned(alignof(int32_t))));

typedef double Doubles __attribute__((vector_size(kLanes * sizeof(double)), aligned(alignof(double))));

CAMEO_INLINE Vector load(const float* from) {
  return *reinterpret_cast<const Vector*>(from);
}

CAMEO_INLINE void store(float* to, const Vector& values) {
  *reinterpret_cast<Vector*>(to) = values;
}

typedef uint16_t Halves __attribute__((vector_size(kLanes * sizeof(uint16_t)), aligned(alignof(uint16_t))));
typedef uint32_t Bits __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(alignof(uint32_t))));

CAMEO_INLINE Vector load(const c10::BFloat16* from) {
  return reinterpret_cast<Vector>(__builtin_convertvector(*reinterpret_cast<const Halves*>(from), Bits)
                                  << 16);
}

/// Rounded to the nearest, halfway to even; not a number stays that.
CAMEO_INLINE void store(c10::BFloat16* to, const Vector& values) {
  const Bits bits = reinterpret_cast<Bits>(values);
  const Bits rounded = values == values ? bits + 0x7fff + (bits >> 16 & 1) : bits | 0x400000;
  *reinterpret_cast<Halves*>(to) = __builtin_convertvector(rounded >> 16, Halves);
}

CAMEO_INLINE Vector maximum(const Vector& a, const Vector& b) {
  return a > b ? a : b;
}

/// e^x to some 2e-7 of its value; at most e^88, and what is below e^-87 is that. By x = n ln 2 + r, |r| <= ln
/// 2 / 2.
CAMEO_INLINE Vector exponential(Vector x) {
  x = x > 88.f ? Vector{} + 88.f : x;
  x = x < -87.f ? Vector{} - 87.f : x;
  const Vector scaled = x * 1.44269504f;
  const Integers n =
      __builtin_convertvector(scaled + (scaled < 0.f ? Vector{} - 0.5f : Vector{} + 0.5f), Integers);
  const Vector whole = __builtin_convertvector(n, Vector);
  const Vector r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  // Taylor's series to the sixth power: what is left out is some 1e-7.
  Vector p = r * (1 / 720.f) + 1 / 120.f;
  p = p * r + 1 / 24.f;
  p = p * r + 1 / 6.f;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  return p * reinterpret_cast<Vector>((n + 127) << 23);
}

/// Row i of a square becomes its column i. Interleaving the rows' halves moves the lowest bit of a number's
/// place in its row to that of its row's number; after as many times as a place has bits the two have changed
/// places.
CAMEO_INLINE void transpose(Vector (&square)[kLanes]) {
  constexpr int64_t half = kLanes / 2;
  for (int64_t round = 1; round < kLanes; round *= 2) {
    Vector mixed[kLanes];
    for (int64_t i = 0; i < half; ++i) {
      const Vector &a = square[i], &b = square[i + half];
      mixed[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      mixed[2 * i + 1] =
          __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int64_t i = 0; i < kLanes; ++i) square[i] = mixed[i];
  }
}

CAMEO_INLINE float sum(const Vector& values) {
  float total = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) total += values[lane];
  return total;
}

CAMEO_INLINE float largest(const Vector& values) {
  float top = values[0];
  for (int64_t lane = 1; lane < kLanes; ++lane) top = top > values[lane] ? top : values[lane];
  return top;
}

}  // namespace cameo::cpu

#endif
