#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace cameo::nn {

/// x W^T + b, differentiable; x (..., in), W (out, in), b (out).
at::Tensor affine(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias);

}  // namespace cameo::nn
