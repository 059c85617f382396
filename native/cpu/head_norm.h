#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// What `normHeads` needs beside the heads: (d) each, and (L, d) each for tokens that are turned.
struct HeadNormParameters {
  at::Tensor weight, bias;
  double eps;
  at::Tensor cos, sin;  // undefined: nothing is turned
  int64_t first = 0;    // the token from which on they are turned
};

/// Whether `normHeads` takes heads x (B, L, H, d): fp32 or bf16, the last dimension dense, d a multiple
/// of 16.
bool headNormTakes(const at::Tensor& x);

/// Layer norm over each head's numbers, in place, in fp32; then x cos + (x with the numbers of each pair
/// swapped) sin.
void normHeads(const at::Tensor& x, const HeadNormParameters& parameters);

}  // namespace cameo::cpu
