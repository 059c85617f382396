#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether `geglu` takes hidden states (..., 2D): fp32 or bf16 on a CPU, contiguous, D in multiples of 16.
/// `gegluBackward` takes the fp32 of them.
bool gegluTakes(const at::Tensor& hidden);

/// The first half of the last dimension times gelu of the second (arXiv 2002.05202): (..., 2D) -> (..., D).
/// The normal distribution's function is off by 1e-7 at most.
at::Tensor geglu(const at::Tensor& hidden);

/// The gradient of `hidden` from that of the result.
at::Tensor gegluBackward(const at::Tensor& grad, const at::Tensor& hidden);

}  // namespace cameo::cpu
