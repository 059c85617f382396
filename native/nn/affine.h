#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace cameo::nn {

/// x W^T + b, plus `added` (..., out) where there is such a tensor, differentiable; x (..., in), W (out, in),
/// b (out).
at::Tensor affine(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                  const at::Tensor& added = {});

}  // namespace cameo::nn
