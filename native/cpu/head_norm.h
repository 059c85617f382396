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

/// What `normWidth` needs beside x: the weight is (H * d), cos and sin as above.
struct WidthNormParameters {
  at::Tensor weight;
  double eps;
  int64_t head_size;
  at::Tensor cos, sin;
};

/// Whether `normWidth` takes x (B, L, H * d): fp32 or bf16, contiguous, d a multiple of 16.
bool widthNormTakes(const at::Tensor& x, int64_t head_size);

/// Divides a token's numbers, of all heads together, by the root of their mean square, times a weight, in
/// place, in fp32; then each head is turned as in `normHeads`.
void normWidth(const at::Tensor& x, const WidthNormParameters& parameters);

}  // namespace cameo::cpu
