#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::nn {

/// x (N, in, H, W) with a kernel (out, in, k, k) -> (N, out, H', W'), differentiable, in the form that takes
/// the least time (cpu/winograd.h). Where the kernel isn't trained, x is not kept for the backward pass, as
/// at::conv2d would.
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
                    int64_t padding);

}  // namespace cameo::nn
