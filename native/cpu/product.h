#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether `product` has this product, and takes no more time than oneDNN: fp32 and enough rows that packing
/// the weight pays.
bool productTakes(const at::Tensor& x, const at::Tensor& weight);

/// y (rows, out) = x (rows, in) times weight (out, in), turned, + bias (out) + added (rows, out); of the last
/// two either may be undefined. The weight may be a transposed view.
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                   const at::Tensor& added);

}  // namespace cameo::cpu
