#pragma once

#include <string>

#include "nn/layers.h"
#include "nn/recompute.h"

namespace cameo::nn {

/// Two linear layers with a hidden size of 4 x dim, or of `hidden`, the first one gated by GELU ("geglu") or
/// followed by it ("gelu", "gelu-approximate"): x (..., dim) -> (..., dim).
class FeedForward {
 public:
  FeedForward(const Scope& scope, int64_t dim, const std::string& activation = "geglu", int64_t hidden = 0);
  at::Tensor forward(const at::Tensor& x) const;
  /// added + forward(x), in one pass where a kernel has both; x and `added` (N, dim). Without gradients.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& added) const;

 private:
  bool gated_;
  const char* approximation_;  // of GELU: "none" or "tanh"
  Linear proj_;
  Linear out_;
};

/// What a transformer block calls its feed-forward and the norm before it.
struct FeedForwardNames {
  const char* norm = "norm3";
  const char* feed_forward = "ff";
};

/// A transformer block's last part: x + feed_forward(norm(x)). The backward pass computes it again from x,
/// which is all that is kept: the hidden states are eight times as large.
class NormedFeedForward {
 public:
  /// `scope` is the block's.
  NormedFeedForward(const Scope& scope, int64_t dim, const FeedForwardNames& names = {});
  at::Tensor forward(const at::Tensor& x) const;

 private:
  ParameterRange parameters_;
  LayerNorm norm_;
  FeedForward feed_forward_;
};

}  // namespace cameo::nn
