#include "nn/motion.h"

#include <ATen/ATen.h>

namespace cameo::nn {

namespace {

AttentionConfig timeAttention(const MotionConfig& config) {
  return {.dim = config.inner(), .heads = config.heads, .head_dim = config.headDim()};
}

}  // namespace

MotionTransformerBlock::MotionTransformerBlock(const Scope& scope, const MotionConfig& config)
    : positions_(config.max_images == 0
                     ? nullptr
                     : &(scope / "pos_embed").buffer("pe", {1, config.max_images, config.inner()})),
      norm1_(scope / "norm1", config.inner()),
      attn1_(scope / "attn1", timeAttention(config)),
      ff_(scope, config.inner()) {
  if (config.attentions < 2) return;
  norm2_.emplace(scope / "norm2", config.inner());
  attn2_.emplace(scope / "attn2", timeAttention(config));
}

at::Tensor MotionTransformerBlock::withPositions(at::Tensor x) const {
  return positions_ == nullptr ? x : x.add_(positions_->like(x).narrow(1, 0, x.size(1)));
}

at::Tensor MotionTransformerBlock::attend(const at::Tensor& input) const {
  const at::Tensor x = attn1_.forward(withPositions(norm1_.forward(input)), input);
  return attn2_ ? attn2_->forward(withPositions(norm2_->forward(x)), x) : x;
}

at::Tensor MotionTransformerBlock::forward(const at::Tensor& input, const MotionOptions& options) const {
  return ff_.forward(overMotionWindows(input, options.references, options.windows,
                                       [this](const at::Tensor& window) { return attend(window); }));
}

MotionModule::MotionModule(const Scope& scope, const MotionConfig& config)
    : norm_(scope / "norm", config.groups, config.channels, 1e-6),
      proj_in_(scope / "proj_in", config.channels, config.inner()),
      proj_out_(scope / "proj_out", config.inner(), config.channels) {
  blocks_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(scope / "transformer_blocks" / i, config);
  }
}

at::Tensor MotionModule::forward(const at::Tensor& x, int64_t images, const MotionOptions& options) const {
  if (options.scale == 0) return x;
  const int64_t height = x.size(2), width = x.size(3);
  // The norm's statistics span time: (B*T, C, H, W) -> (B, C, T, H*W).
  const at::Tensor samples = toTokens(x).unflatten(0, {-1, images}).permute({0, 3, 1, 2});
  at::Tensor sequences = norm_.forward(samples).permute({0, 3, 2, 1}).flatten(0, 1);  // (B*H*W, T, C)
  sequences = proj_in_.forward(sequences);
  for (const auto& block : blocks_) sequences = block.forward(sequences, options);
  at::Tensor out = proj_out_.forward(sequences)
                       .unflatten(0, {-1, height * width})  // (B, H*W, T, C)
                       .transpose(1, 2)
                       .flatten(0, 1);  // (B*T, H*W, C)
  if (options.scale != 1) out = out * options.scale;
  return fromTokens(out, height, width).add_(x);
}

}  // namespace cameo::nn
