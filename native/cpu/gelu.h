#pragma once

#include "cpu/vector.h"

#if CAMEO_CPU_KERNELS

namespace cameo::cpu {

/// The normal distribution's density at x, and how much of it lies below.
struct Normal {
  Vector density, below;
};

/// By formula 7.1.26 of Abramowitz and Stegun's Handbook of Mathematical Functions.
CAMEO_INLINE Normal normalAt(const Vector& x) {
  const Vector distance = maximum(x, -x);
  const Vector t = 1 / (1 + distance * (0.3275911f * 0.707106781f)), e = exponentialOfNegative(x * x * -0.5f);
  Vector p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const Vector tail = p * t * e * 0.5f;  // beyond `distance`
  return {e * 0.398942280f, x < 0.f ? tail : 1 - tail};
}

CAMEO_INLINE Vector gelu(const Vector& x) {
  return x * normalAt(x).below;
}

}  // namespace cameo::cpu

#endif
