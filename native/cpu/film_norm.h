#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "cpu/group_norm.h"

namespace cameo::cpu {

/// What a normalised film is multiplied with and what is added then, at each of (t, h, w) places: a place
/// stands for a block of positions.
struct Places {
  at::Tensor scale, shift;      // (t, h, w, C), fp32, contiguous
  std::vector<int64_t> frames;  // of each of the film's frames, its place in t
};

/// Group norm of a film's frames x (T, C, H, W) together, of what `groupNormTakes`, times a scale and plus a
/// shift where there are `places`, and the activation, into y, which lies as x does.
void filmNorm(const at::Tensor& x, const GroupNormParameters& parameters, double eps, const Places* places,
              const at::Tensor& y);

/// x (T, C, H, W), of what `groupNormTakes`, divided at each position by the root of its mean square over
/// channels, times a weight (C), with SiLU after it, into y, which lies as x does.
void rmsNormSilu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& y);

}  // namespace cameo::cpu
