#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "models/dit/positions.h"
#include "models/dit/query_norm.h"
#include "models/dit/wan_config.h"
#include "nn/feed_forward.h"

namespace cameo::models {

/// What cross-attention reads, as wide as the transformer.
struct WanContext {
  at::Tensor text;         // (T, S, dim): the texts of an evaluation, each once
  int64_t text_times = 1;  // how many equal tokens the last one of a text stands for
  at::Tensor image = {};   // (T, S', dim), of networks that attend to a picture's tokens, too
};

/// A block's keys and values of that, which are the same at every evaluation.
struct WanRead {
  struct Tokens {
    at::Tensor k, v;    // (T, H, S, d)
    int64_t times = 1;  // how many equal ones the last one stands for
  };
  Tokens text;
  std::optional<Tokens> image;
};

/// What all blocks of an evaluation go by.
struct WanState {
  at::Tensor modulation;  // (B, 6, dim), or (1, 6, dim) of one time for all samples; fp32
  Rotary rotary;          // of the tokens' places
  at::Tensor reads;       // (B), int64: which text each sample reads; undefined: the b-th its own, or all one
};

/// Self-attention over a film's tokens.
class WanSelfAttention {
 public:
  WanSelfAttention(const Scope& scope, const WanConfig& config);
  /// x (B, L, dim).
  at::Tensor forward(const at::Tensor& x, const Rotary& rotary) const;

 private:
  int64_t heads_;
  nn::Linear to_q_, to_k_, to_v_, to_out_;
  QueryNorm norm_q_, norm_k_;
};

/// Attention to a text and, where the network has keys and values for that, to a picture's tokens.
class WanCrossAttention {
 public:
  WanCrossAttention(const Scope& scope, const WanConfig& config);
  WanRead read(const WanContext& context) const;
  /// x (B, L, dim); `reads` as in `WanState`.
  at::Tensor forward(const at::Tensor& x, const WanRead& read, const at::Tensor& reads) const;

 private:
  int64_t heads_;
  nn::Linear to_q_, to_k_, to_v_, to_out_;
  QueryNorm norm_q_, norm_k_;
  std::optional<nn::Linear> image_k_, image_v_;
  std::optional<QueryNorm> norm_image_k_;
};

/// Self-attention, attention to the text, and a feed-forward; a time says how much of the first and the last.
class WanBlock {
 public:
  WanBlock(const Scope& scope, const WanConfig& config);

  WanRead read(const WanContext& context) const { return cross_attention_.read(context); }
  /// x (B, L, dim). Without gradients it may write into x and return that. Throws `ErrorCode::Aborted` after
  /// a cancellation.
  at::Tensor forward(const at::Tensor& x, const WanState& state, const WanRead& read) const;

 private:
  at::Tensor fedForward(const at::Tensor& x, const std::vector<at::Tensor>& parts) const;

  double eps_;
  const Parameter& table_;  // (1, 6, dim), added to the time's
  WanSelfAttention self_attention_;
  WanCrossAttention cross_attention_;
  std::optional<nn::LayerNorm> text_norm_;
  nn::FeedForward feed_forward_;
};

/// norm(x) * (1 + scale) + shift, computed in fp32, in x's type: x (B, L, dim), the others (B, dim) or (1,
/// dim), fp32. The norm has no weights.
at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double eps);

}  // namespace cameo::models
