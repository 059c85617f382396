#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::nn {

/// Normalises each group of channels over all positions, differentiable; x (N, C, ...), weight and bias (C).
at::Tensor groupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
                     double eps);

}  // namespace cameo::nn
