#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// A feed-forward gated by GELU (arXiv 2002.05202) of D numbers: W1 (2H, D), whose first half gives the
/// values and whose second the gates, and W2 (D, H), with their biases.
struct GatedFeedForward {
  at::Tensor hidden_weight, hidden_bias;
  at::Tensor out_weight, out_bias;
};

/// Whether `gatedFeedForward` takes tokens x (N, D), contiguous: what the matrix unit takes, with H in
/// multiples of 64.
bool gatedFeedForwardTakes(const at::Tensor& x, const GatedFeedForward& layer);

/// The layer's result of x, plus `added` (N, D), contiguous. The hidden states of some tokens at a time are
/// computed, gated and multiplied by the same thread, and leave its cache in no other form.
at::Tensor gatedFeedForward(const at::Tensor& x, const GatedFeedForward& layer, const at::Tensor& added);

}  // namespace cameo::cpu
