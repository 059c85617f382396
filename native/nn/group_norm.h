#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::nn {

/// Normalises each group of channels over all positions, differentiable; x (N, C, ...), weight and bias (C).
at::Tensor groupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
                     double eps);

/// Whether `fusedGroupNorm` takes x.
bool groupNormIsFused(const at::Tensor& x);

/// As `groupNorm`, by the kernels in cpu/ or cuda/, with x sigmoid(x) after it where `silu`. Keeps x alone
/// for the backward pass.
at::Tensor fusedGroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          int64_t groups, double eps, bool silu);

}  // namespace cameo::nn
