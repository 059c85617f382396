#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/dit/latte_config.h"
#include "nn/attention.h"
#include "nn/embeddings.h"
#include "nn/feed_forward.h"

namespace cameo::models {

/// Of a moment: what the blocks' norms are scaled and shifted by and their results gated by, (6, dim), to
/// which each block adds a table of its own (adaLN-single, arXiv 2310.00426).
struct LatteMoment {
  at::Tensor embedded;  // (1, dim)
  at::Tensor blocks;    // (6, dim)
};

/// Self-attention and a feed-forward, of which a moment says how much; between them, of a block over space,
/// attention to the prompt.
class LatteBlock {
 public:
  /// `scope` is the block's.
  LatteBlock(const Scope& scope, const LatteConfig& config, bool reads_text);

  /// x (N, L, dim). Each of `text`'s B prompts, (B, S, dim), is read by N / B consecutive sequences.
  at::Tensor forward(const at::Tensor& x, const LatteMoment& moment, const at::Tensor& text = {}) const;

 private:
  /// norm(x) * (1 + scale) + shift, both (dim).
  at::Tensor modulated(const at::Tensor& x, const std::optional<nn::LayerNorm>& norm, const at::Tensor& shift,
                       const at::Tensor& scale) const;

  LatteConfig config_;
  const Parameter& table_;                      // (6, dim)
  std::optional<nn::LayerNorm> norm1_, norm2_;  // none where they have no weights
  nn::Attention attention_;
  std::optional<nn::Attention> text_attention_;
  nn::FeedForward feed_forward_;
};

/// Latte (arXiv 2401.03048): blocks over each frame's tokens and blocks over each place's frames, in turn.
class LatteTransformer {
 public:
  explicit LatteTransformer(const LatteConfig& config);

  /// Latents (B, F, in_channels, h, w), states of the prompts (B, S, text_channels) -> (B, F, out_channels,
  /// h, w). h and w are multiples of the patch; F is the config's or 1. The time is the same for all.
  at::Tensor forward(const at::Tensor& latents, double time, const at::Tensor& text) const;

  const LatteConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  /// Tokens with their places' codes, (B, F, L, dim).
  at::Tensor embed(const at::Tensor& latents) const;
  LatteMoment momentOf(double time, const at::Tensor& like) const;
  /// (B, F, L, dim) -> (B, F, out_channels, h, w)
  at::Tensor out(const at::Tensor& tokens, const LatteMoment& moment, int64_t height, int64_t width) const;

  LatteConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  const Parameter &patch_weight_, &patch_bias_;
  nn::TimestepEmbedding time_;
  nn::Linear modulation_;
  nn::Linear text_1_, text_2_;
  std::vector<LatteBlock> spatial_, temporal_;
  const Parameter& out_table_;  // (2, dim)
  nn::Linear proj_out_;
};

}  // namespace cameo::models
