#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether `matrixUnitProduct` takes these, and takes less time than oneDNN's product: x (rows, in) with
/// dense rows, weight (out, in) or its transpose laid out so, both fp32 or both bf16, on a CPU with AMX whose
/// matrix kernels libtorch has.
bool matrixUnitTakes(const at::Tensor& x, const at::Tensor& weight);

/// x W^T + b, (rows, out), by the matrix unit for bf16, summed in fp32. Of fp32, every number becomes the sum
/// of two of bf16, and of their four products all but the smallest are summed (arXiv 1904.06376): the error
/// is some 5e-6 of the largest value, fp32's own 1e-6.
at::Tensor matrixUnitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace cameo::cpu
