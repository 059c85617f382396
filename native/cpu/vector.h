#pragma once

// Vectors of 16 numbers, which the compiler makes of whatever registers a CPU has. Functions that are marked
// CAMEO_FOR_EACH_CPU are compiled for several CPUs, one of which is chosen when the addon is loaded; what
// they call must be CAMEO_INLINE. Without CAMEO_CPU_KERNELS there are no vectors, and callers use libtorch's
// kernels.
#if defined(__GNUC__) && defined(__x86_64__) && defined(__linux__)
#define CAMEO_CPU_KERNELS 1
#define CAMEO_FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define CAMEO_INLINE inline __attribute__((always_inline))
#define CAMEO_INLINE_LAMBDA __attribute__((always_inline))
// Vectors are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include <c10/util/BFloat16.h>
#include <emmintrin.h>

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

typedef uint16_t HalfBits __attribute__((vector_size(kLanes * sizeof(uint16_t)), aligned(alignof(uint16_t))));
typedef uint32_t Bits __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(alignof(uint32_t))));

CAMEO_INLINE Vector load(const c10::BFloat16* from) {
  return reinterpret_cast<Vector>(__builtin_convertvector(*reinterpret_cast<const HalfBits*>(from), Bits)
                                  << 16);
}

/// The upper half of each number's bits.
CAMEO_INLINE void storeHalves(c10::BFloat16* to, const Bits& bits) {
  *reinterpret_cast<HalfBits*>(to) = __builtin_convertvector(bits >> 16, HalfBits);
}

/// Rounded to bf16, to the nearest, halfway to even; not a number stays that.
CAMEO_INLINE void store(c10::BFloat16* to, const Vector& values) {
  const Bits bits = reinterpret_cast<Bits>(values);
  const Bits rounded = values == values ? bits + 0x7fff + (bits >> 16 & 1) : bits | 0x400000;
  storeHalves(to, rounded);
}

/// To where 16 bytes begin, past the caches: of a result that is larger than they are, every line would be
/// read into them first, only to be written.
template <typename Number>
CAMEO_INLINE void storePast(Number* to, const Vector& values) {
  alignas(kLanes * sizeof(float)) Number numbers[kLanes];
  store(numbers, values);
  constexpr int64_t count = kLanes * sizeof(Number) / sizeof(__m128i);
  for (int64_t i = 0; i < count; ++i) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to) + i, reinterpret_cast<const __m128i*>(numbers)[i]);
  }
}

/// By each thread after its last `storePast`, before another reads what was written.
inline void finishStores() {
  _mm_sfence();
}

/// The first `count` of them, then `other`.
CAMEO_INLINE Vector keepFirst(const Vector& values, int64_t count, float other) {
  constexpr Integers places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return places < static_cast<int32_t>(count) ? values : Vector{} + other;
}

/// The second where either is not a number.
CAMEO_INLINE Vector maximum(const Vector& a, const Vector& b) {
  return a > b ? a : b;
}

/// e^x of an exponent x <= 0, to some 2e-7 of its value; what is below e^-87 is that, and not a number stays
/// that. By x = n ln 2 + r, |r| <= ln 2 / 2.
CAMEO_INLINE Vector exponentialOfNegative(const Vector& exponent) {
  const Vector x = maximum(Vector{} - 87.f, exponent);
  constexpr float whole_numbers = 0x1.8p23f;  // added to a small number, its last bits are that one, rounded
  const Vector shifted = x * 1.44269504f + whole_numbers, n = shifted - whole_numbers;
  const Vector r = x - n * 0.693359375f + n * 2.12194440e-4f;
  // The polynomial of the fifth degree whose largest relative error is least, 7e-8 (by Remez' algorithm).
  Vector p = r * 0.00829765247f + 0.0419153816f;
  p = p * r + 0.166675748f;
  p = p * r + 0.499988949f;
  p = p * r + 0.999999692f;
  p = p * r + 1.f;
  return reinterpret_cast<Vector>(reinterpret_cast<Bits>(p) + (reinterpret_cast<Bits>(shifted) << 23));
}

/// The same of any x; at most e^87.
CAMEO_INLINE Vector exponential(const Vector& x) {
  return exponentialOfNegative(x > 87.f ? Vector{} + 87.f : x);
}

/// 2^x of an exponent -126 <= x <= 126, to 7e-8 of its value, or to 7e-5 where it is rounded to bf16; not a
/// number stays that. By polynomials of the fifth and third degree of x's distance from a whole number.
template <bool for_halves>
CAMEO_INLINE Vector powerOfTwo(const Vector& x) {
  constexpr float whole_numbers = 0x1.8p23f;
  const Vector shifted = x + whole_numbers, r = x - (shifted - whole_numbers);
  Vector p;
  if constexpr (for_halves) {
    p = r * 0.0551715304f + 0.242611013f;
    p = p * r + 0.693260995f;
    p = p * r + 0.99992808f;
  } else {
    p = r * 0.00132764678f + 0.00967554124f;
    p = p * r + 0.055507133f;
    p = p * r + 0.240221197f;
    p = p * r + 0.693146967f;
    p = p * r + 1.f;
  }
  return reinterpret_cast<Vector>(reinterpret_cast<Bits>(p) + (reinterpret_cast<Bits>(shifted) << 23));
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

/// What `join` makes of all numbers, taken by halves.
template <typename Join>
CAMEO_INLINE float reduce(const Vector& values, const Join& join) {
  Vector x = values;
  x = join(x, __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  x = join(x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  x = join(x, __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  x = join(x, __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
  return x[0];
}

CAMEO_INLINE float sum(const Vector& values) {
  return reduce(values, [](const Vector& a, const Vector& b) CAMEO_INLINE_LAMBDA { return a + b; });
}

CAMEO_INLINE float largest(const Vector& values) {
  return reduce(values, [](const Vector& a, const Vector& b) CAMEO_INLINE_LAMBDA { return maximum(a, b); });
}

}  // namespace cameo::cpu

#endif
