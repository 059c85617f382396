#pragma once

#include <vector>

#include "nn/embeddings.h"
#include "nn/spatio_temporal_resnet.h"
#include "nn/transformer_2d.h"

namespace cameo::nn {

struct SpatioTemporalTransformerConfig {
  int64_t channels = 0;
  int64_t heads = 1;
  int64_t layers = 1;
  int64_t context_dim = 1024;
  int64_t groups = 32;
};

/// Along time at each position: feed-forward, self-attention, cross-attention, feed-forward, each after a
/// norm and with a residual. x (B, n, F, C), context (B, S, context_dim) -> like x.
class TemporalTransformerBlock {
 public:
  TemporalTransformerBlock(const Scope& scope, const SpatioTemporalTransformerConfig& config);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& context) const;

 private:
  NormedFeedForward ff_in_;
  LayerNorm norm1_;
  Attention attn1_;
  LayerNorm norm2_;
  Attention attn2_;
  NormedFeedForward ff_;
};

/// Transformer blocks over a frame's positions, each followed by one over time, and both blended:
/// x (B*F, C, H, W), context (B, S, context_dim) -> like x.
class SpatioTemporalTransformer {
 public:
  SpatioTemporalTransformer(const Scope& scope, const SpatioTemporalTransformerConfig& config);
  at::Tensor forward(const at::Tensor& x, int64_t frames, const at::Tensor& context) const;

 private:
  GroupNorm norm_;
  Linear proj_in_;
  std::vector<SpatialTransformerBlock> blocks_;
  std::vector<TemporalTransformerBlock> temporal_blocks_;
  TimestepEmbedding time_pos_embed_;
  AlphaBlender mixer_;
  Linear proj_out_;
};

}  // namespace cameo::nn
