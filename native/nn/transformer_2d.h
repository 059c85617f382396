#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "nn/attention.h"
#include "nn/feed_forward.h"
#include "nn/pisa.h"
#include "nn/token_merging.h"

namespace cameo::nn {

struct Transformer2DConfig {
  int64_t channels = 0;
  int64_t heads = 8;
  int64_t layers = 1;
  int64_t context_dim = 768;  // of the text
  int64_t groups = 32;
  bool linear_projection = false;    // Stable Diffusion 2 has linear layers where 1.5 has 1x1 convolutions
  bool merges_tokens = false;        // self-attention joins tokens where the caller asks for it
  size_t first_cross_attention = 0;  // the number of its first one among those of the network
  int64_t head_dim = 0;              // 0: a head's share of the channels

  int64_t headDim() const { return head_dim > 0 ? head_dim : channels / heads; }
  /// How wide tokens are within the blocks.
  int64_t inner() const { return heads * headDim(); }
};

/// Spatial self-attention (PISA where there are references), cross-attention to the text, feed-forward, each
/// after a norm and with a residual.
class SpatialTransformerBlock {
 public:
  SpatialTransformerBlock(const Scope& scope, const Transformer2DConfig& config);

  /// x (B*(F+R), n, inner) -> like x. `image` is that of this block's cross-attention.
  at::Tensor forward(const at::Tensor& x, const CrossSources& sources, const FrameLayout& layout,
                     const std::optional<TokenMerging>& merging, const ImagePrompt* image = nullptr) const;

 private:
  /// Plus `added`, a tensor like x, where there is one.
  at::Tensor attendSpatially(const at::Tensor& x, const FrameLayout& layout, const at::Tensor& added) const;
  /// Plus `added`, a tensor like x.
  at::Tensor attendToText(const at::Tensor& x, const CrossSources& sources, const FrameLayout& layout,
                          const at::Tensor& added, const ImagePrompt* image) const;
  /// The same where each image has its own text, and with words that some positions read.
  at::Tensor attendToTexts(const at::Tensor& x, const at::Tensor& texts, const FrameLayout& layout,
                           const at::Tensor& added, const ImagePrompt* image,
                           const WordsOfLayer* words) const;

  LayerNorm norm1_;
  Attention attn1_;
  LayerNorm norm2_;
  Attention attn2_;
  NormedFeedForward ff_;
};

/// Transformer blocks over an image's positions: x (B*(F+R), C, H, W) -> like x. `sources` are those of the
/// whole network; `token_merging` is the ratio of TokenMerging, which has no effect unless the config says
/// so.
class Transformer2D {
 public:
  Transformer2D(const Scope& scope, const Transformer2DConfig& config);
  at::Tensor forward(const at::Tensor& x, const CrossSources& sources, const FrameLayout& layout,
                     double token_merging = 0) const;

 private:
  using Projection = std::variant<Linear, PointwiseConv>;
  static Projection projection(const Scope& scope, bool linear, int64_t in, int64_t out);
  static at::Tensor apply(const Projection& projection, const at::Tensor& tokens,
                          const at::Tensor& added = {});

  GroupNorm norm_;
  Projection proj_in_;
  std::vector<SpatialTransformerBlock> blocks_;
  Projection proj_out_;
  bool merges_tokens_;
  size_t first_cross_attention_;
};

}  // namespace cameo::nn
