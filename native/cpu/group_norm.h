#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether `groupNorm` takes x (N, C, ...): fp32 or bf16 on a CPU, channels-last, channels in multiples
/// of 16. `groupNormBackward` takes the fp32 of them.
bool groupNormTakes(const at::Tensor& x);

struct GroupNormParameters {
  at::Tensor weight;  // (C)
  at::Tensor bias;    // (C)
  int64_t groups;
  bool silu;  // followed by x sigmoid(x)
};

struct GroupMoments {
  at::Tensor mean;     // (N, groups), fp32
  at::Tensor inverse;  // (N, groups), fp32: 1 / sqrt(variance + eps)
};

/// Of each group of channels over all positions, of what `groupNormTakes`.
GroupMoments groupMoments(const at::Tensor& x, int64_t groups, double eps);

struct Normed {
  at::Tensor y;        // like x
  at::Tensor mean;     // (N, groups), fp32
  at::Tensor inverse;  // (N, groups), fp32: 1 / sqrt(variance + eps)
};

/// Each group of channels normalised over all positions (arXiv 1803.08494), with the activation in the same
/// pass.
Normed groupNorm(const at::Tensor& x, const GroupNormParameters& parameters, double eps);

struct GroupNormGradients {
  at::Tensor x;             // like x; undefined where it isn't wanted
  at::Tensor weight, bias;  // (C)
};

/// From the gradient of y, with all that is between computed again from x.
GroupNormGradients groupNormBackward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                                     const at::Tensor& inverse, const GroupNormParameters& parameters,
                                     bool wants_x);

}  // namespace cameo::cpu
