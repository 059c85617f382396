#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace cameo::nn {

/// What one cross-attention reads of pictures, beside the text (IP-Adapter, arXiv 2308.06721): the keys and
/// values of their tokens, (B, T, heads * head_dim). Their attention counts `scale` times.
struct ImagePrompt {
  at::Tensor k, v;
  double scale = 0;
};

/// One of each cross-attention of a UNet, in the order of `models::crossAttentions`.
using ImagePrompts = std::vector<ImagePrompt>;

}  // namespace cameo::nn
