#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// x W^T + bias + added, (rows, out), by the matrix unit for bf16, summed in fp32, of what `matrixUnitTakes`.
/// Of fp32, every number becomes the sum of two of bf16, and of their four products all but the smallest are
/// summed (arXiv 1904.06376): the error is some 5e-6 of the largest value, fp32's own 1e-6. `bias` (out) and
/// `added` (rows, out), contiguous, may be undefined.
at::Tensor matrixUnitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             const at::Tensor& added = {});

}  // namespace cameo::cpu
