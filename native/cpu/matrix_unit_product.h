#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// x W^T + bias + added, (rows, out), by the matrix unit for bf16, summed in fp32, of what `matrixUnitTakes`.
/// Of fp32, every number becomes the sum of two of bf16, and of their four products all but the smallest are
/// summed (arXiv 1904.06376): the error is some 5e-6 of the largest value, fp32's own 1e-6. `bias` (out) and
/// `added` (rows, out), contiguous, may be undefined.
at::Tensor matrixUnitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             const at::Tensor& added = {});

/// Whether `matrixUnitConvolution` has this convolution: x (N, in, H, W) with a kernel (out, in, 3, 3) and a
/// padding of 1, channels-last both, that `matrixUnitTakes` would take as matrices.
bool matrixUnitConvolves(const at::Tensor& x, const at::Tensor& weight, int64_t stride, int64_t padding);

/// The same as a product with what the kernel sees at each position, gathered for some of them at a time;
/// a bias (out) or none -> (N, out, H', W'), channels-last.
at::Tensor matrixUnitConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                 int64_t stride);

}  // namespace cameo::cpu
