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

/// Off by at most 9e-5, for what is rounded to bf16: a third of the instructions, and no division. The
/// polynomial of x whose largest error is least from 0 to 4.2, where it is 1/2, beside the half that lies
/// below 0.
CAMEO_INLINE Vector geluForHalves(const Vector& x) {
  constexpr float end = 4.2f;
  const Vector above = maximum(x, Vector{} - end), near = above < end ? above : Vector{} + end;
  const Vector square = near * near;
  Vector p = square * -9.01752728e-10f + 7.94133612e-08f;
  p = p * square - 3.03793058e-06f;
  p = p * square + 6.68906796e-05f;
  p = p * square - 0.000950657355f;
  p = p * square + 0.00929822866f;
  p = p * square - 0.0655281991f;
  p = p * square + 0.398465872f;
  return x * (near * p + 0.5f);
}

}  // namespace cameo::cpu

#endif
