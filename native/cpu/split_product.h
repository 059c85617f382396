#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether `splitProduct` takes these, and takes less time than fp32's own product: fp32, x (rows, in) with
/// dense rows, weight (out, in) or its transpose laid out so, on a CPU with AMX whose matrix kernels libtorch
/// has.
bool splitProductTakes(const at::Tensor& x, const at::Tensor& weight);

/// x W^T + b, (rows, out), by the matrix unit for bf16: every number becomes the sum of two of bf16, and of
/// their four products all but the smallest are summed in fp32 (arXiv 1904.06376). Its error is some 5e-6 of
/// the largest value, fp32's own 1e-6.
at::Tensor splitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace cameo::cpu
