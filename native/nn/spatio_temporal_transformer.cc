#include "nn/spatio_temporal_transformer.h"

#include <ATen/ATen.h>

#include "core/cancellation.h"

namespace cameo::nn {

namespace {

AttentionConfig attentionOf(const SpatioTemporalTransformerConfig& config, int64_t context_dim = 0) {
  return {.dim = config.channels,
          .heads = config.heads,
          .head_dim = config.channels / config.heads,
          .context_dim = context_dim};
}

}  // namespace

TemporalTransformerBlock::TemporalTransformerBlock(const Scope& scope,
                                                   const SpatioTemporalTransformerConfig& config)
    : ff_in_(scope, config.channels, {.norm = "norm_in", .feed_forward = "ff_in"}),
      norm1_(scope / "norm1", config.channels),
      attn1_(scope / "attn1", attentionOf(config)),
      norm2_(scope / "norm2", config.channels),
      attn2_(scope / "attn2", attentionOf(config, config.context_dim)),
      ff_(scope, config.channels) {}

at::Tensor TemporalTransformerBlock::forward(const at::Tensor& input, const at::Tensor& context) const {
  at::Tensor x = ff_in_.forward(input.flatten(0, 1));  // (B*n, F, C)
  x = attn1_.forward(norm1_.forward(x), x);
  // All positions of a film read the same: (B*n, F, C) -> (B, n*F, C), and back.
  const auto films = [&](const at::Tensor& y) { return y.reshape({context.size(0), -1, y.size(-1)}); };
  x = attn2_.forwardTo(context, films(norm2_.forward(x)), films(x)).view(x.sizes());
  return ff_.forward(x).view(input.sizes());
}

SpatioTemporalTransformer::SpatioTemporalTransformer(const Scope& scope,
                                                     const SpatioTemporalTransformerConfig& config)
    : norm_(scope / "norm", config.groups, config.channels, 1e-6),
      proj_in_(scope / "proj_in", config.channels, config.channels),
      time_pos_embed_(scope / "time_pos_embed",
                      {.channels = config.channels, .hidden = 4 * config.channels, .out = config.channels}),
      mixer_(scope / "time_mixer"),
      proj_out_(scope / "proj_out", config.channels, config.channels) {
  const Transformer2DConfig spatial{.channels = config.channels,
                                    .heads = config.heads,
                                    .layers = config.layers,
                                    .context_dim = config.context_dim};
  blocks_.reserve(config.layers);
  temporal_blocks_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(scope / "transformer_blocks" / i, spatial);
    temporal_blocks_.emplace_back(scope / "temporal_transformer_blocks" / i, config);
  }
}

at::Tensor SpatioTemporalTransformer::forward(const at::Tensor& x, int64_t frames,
                                              const at::Tensor& context) const {
  const at::Tensor numbers = at::arange(frames, x.options().dtype(at::kFloat));
  const at::Tensor places = time_pos_embed_.forward(numbers, x.scalar_type());  // (F, C)
  at::Tensor tokens = proj_in_.forward(toTokens(norm_.forward(x)));             // (B*F, n, C)
  const auto inTime = [&](const at::Tensor& all) { return all.unflatten(0, {-1, frames}).transpose(1, 2); };
  for (size_t i = 0; i < blocks_.size(); ++i) {
    throwIfCancelled();
    tokens = blocks_[i].forward(tokens, {.text = context}, {.frames = frames}, std::nullopt);
    const at::Tensor moved = temporal_blocks_[i].forward(inTime(tokens) + places, context);  // (B, n, F, C)
    tokens = mixer_.forward(tokens, moved.transpose(1, 2).flatten(0, 1));
  }
  return fromTokens(proj_out_.forward(tokens, toTokens(x)), x.size(2), x.size(3));
}

}  // namespace cameo::nn
