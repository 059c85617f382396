#include "models/dit/latte_transformer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/cancellation.h"

namespace cameo::models {

namespace {

constexpr int64_t kTimeChannels = 256;
constexpr double kLastNormEps = 1e-6;

/// sin, then cos, of positions (n) at dim / 2 frequencies that fall from 1 to nearly 1 / 10000: (n, dim).
at::Tensor sinesOf(const at::Tensor& positions, int64_t dim) {
  const at::Tensor steps = at::arange(dim / 2, at::kDouble) / (static_cast<double>(dim) / 2);
  const at::Tensor angles = at::outer(positions.to(at::kDouble), 1 / at::pow(10000, steps));
  return at::cat({angles.sin(), angles.cos()}, 1).to(at::kFloat);
}

/// Along one axis, whatever the size, from 0 to nearly what it was in training.
at::Tensor placesOf(int64_t count, int64_t trained, int64_t interpolation) {
  // In fp32, in this order, as the reference.
  return at::arange(count, at::kFloat) / (static_cast<double>(count) / static_cast<double>(trained)) /
         static_cast<double>(interpolation);
}

/// Of each token of a frame, half of them of its column, half of its row: (L, dim), fp32.
at::Tensor spaceCodes(const LatteConfig& config, int64_t height, int64_t width) {
  const int64_t trained = config.sample_size / config.patch;
  const int64_t interpolation = std::max<int64_t>(config.sample_size / 64, 1);
  const int64_t half = config.dim() / 2;
  const at::Tensor columns = sinesOf(placesOf(width, trained, interpolation), half).unsqueeze(0);
  const at::Tensor rows = sinesOf(placesOf(height, trained, interpolation), half).unsqueeze(1);
  return at::cat({columns.expand({height, width, half}), rows.expand({height, width, half})}, 2)
      .flatten(0, 1);
}

std::optional<nn::LayerNorm> affineNorm(const Scope& scope, const LatteConfig& config) {
  if (!config.affine_norms) return std::nullopt;
  return nn::LayerNorm(scope, config.dim(), config.eps);
}

/// (B, F, L, D) <-> (B, L, F, D)
at::Tensor turned(const at::Tensor& x) {
  return x.transpose(1, 2).contiguous();
}

}  // namespace

LatteBlock::LatteBlock(const Scope& scope, const LatteConfig& config, bool reads_text)
    : config_(config),
      table_(scope.parameter("scale_shift_table", {6, config.dim()})),
      norm1_(affineNorm(scope / "norm1", config)),
      norm2_(affineNorm(scope / "norm2", config)),
      attention_(scope / "attn1", {.dim = config.dim(),
                                   .heads = config.heads,
                                   .head_dim = config.head_dim,
                                   .qkv_bias = config.qkv_bias}),
      feed_forward_(scope / "ff", config.dim(), config.activation) {
  if (!reads_text) return;
  text_attention_.emplace(scope / "attn2", nn::AttentionConfig{.dim = config.dim(),
                                                               .heads = config.heads,
                                                               .head_dim = config.head_dim,
                                                               .context_dim = config.dim(),
                                                               .qkv_bias = config.qkv_bias});
}

at::Tensor LatteBlock::modulated(const at::Tensor& x, const std::optional<nn::LayerNorm>& norm,
                                 const at::Tensor& shift, const at::Tensor& scale) const {
  if (norm) return at::addcmul(shift, norm->forward(x), 1 + scale);
  return at::layer_norm(x, {config_.dim()}, 1 + scale, shift, config_.eps);
}

at::Tensor LatteBlock::forward(const at::Tensor& x, const LatteMoment& moment, const at::Tensor& text) const {
  throwIfCancelled();
  const auto by = (table_.like(x) + moment.blocks).unbind(0);
  at::Tensor result = at::addcmul(x, by[2], attention_.forward(modulated(x, norm1_, by[0], by[1])));
  if (text_attention_) {
    // A query knows of no other: a film's frames are one sequence here.
    const at::Tensor film = result.view({text.size(0), -1, config_.dim()});
    result = text_attention_->forwardTo(text, film, film).view(x.sizes());
  }
  return at::addcmul(result, by[5], feed_forward_.forward(modulated(result, norm2_, by[3], by[4])));
}

LatteTransformer::LatteTransformer(const LatteConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      patch_weight_((Scope(*parameters_) / "pos_embed" / "proj")
                        .parameter("weight", {config.dim(), config.in_channels, config.patch, config.patch})),
      patch_bias_((Scope(*parameters_) / "pos_embed" / "proj").parameter("bias", {config.dim()})),
      time_(Scope(*parameters_) / "adaln_single" / "emb" / "timestep_embedder",
            {.channels = kTimeChannels, .hidden = config.dim(), .out = config.dim()}),
      modulation_(Scope(*parameters_) / "adaln_single" / "linear", config.dim(), 6 * config.dim()),
      text_1_(Scope(*parameters_) / "caption_projection" / "linear_1", config.text_channels, config.dim()),
      text_2_(Scope(*parameters_) / "caption_projection" / "linear_2", config.dim(), config.dim()),
      out_table_(Scope(*parameters_).parameter("scale_shift_table", {2, config.dim()})),
      proj_out_(Scope(*parameters_) / "proj_out", config.dim(),
                config.patch * config.patch * config.out_channels) {
  const Scope root(*parameters_);
  for (int64_t i = 0; i < config.layers; ++i) {
    spatial_.emplace_back(root / "transformer_blocks" / i, config, /*reads_text=*/true);
    temporal_.emplace_back(root / "temporal_transformer_blocks" / i, config, /*reads_text=*/false);
  }
}

at::Tensor LatteTransformer::embed(const at::Tensor& latents) const {
  const int64_t patch = config_.patch, height = latents.size(3) / patch, width = latents.size(4) / patch;
  const at::Tensor patches = latents.unflatten(4, {width, patch})
                                 .unflatten(3, {height, patch})
                                 .permute({0, 1, 3, 5, 2, 4, 6})  // (B, F, h, w, C, p, p)
                                 .flatten(4, 6)
                                 .flatten(2, 3);
  const at::Tensor tokens =
      at::linear(patches, patch_weight_.like(latents).flatten(1), patch_bias_.like(latents));
  return (tokens + spaceCodes(config_, height, width).to(tokens.device())).to(latents.scalar_type());
}

LatteMoment LatteTransformer::momentOf(double time, const at::Tensor& like) const {
  const at::Tensor times = at::full({1}, time, at::device(like.device()).dtype(at::kDouble));
  const at::Tensor embedded = time_.forward(times, like.scalar_type());
  return {embedded, modulation_.forward(at::silu(embedded)).view({6, config_.dim()})};
}

at::Tensor LatteTransformer::out(const at::Tensor& tokens, const LatteMoment& moment, int64_t height,
                                 int64_t width) const {
  const auto by = (out_table_.like(tokens) + moment.embedded).unbind(0);
  const at::Tensor normed = at::layer_norm(tokens, {config_.dim()}, 1 + by[1], by[0], kLastNormEps);
  const int64_t patch = config_.patch;
  return proj_out_.forward(normed)
      .unflatten(3, {patch, patch, config_.out_channels})
      .unflatten(2, {height / patch, width / patch})
      .permute({0, 1, 6, 2, 4, 3, 5})  // (B, F, C, h, p, w, p)
      .flatten(5, 6)
      .flatten(3, 4);
}

at::Tensor LatteTransformer::forward(const at::Tensor& latents, double time, const at::Tensor& text) const {
  at::Tensor x = embed(latents);
  const int64_t samples = x.size(0), frames = x.size(1), tokens = x.size(2);
  const LatteMoment moment = momentOf(time, x);
  const at::Tensor read = text_2_.forward(at::gelu(text_1_.forward(text), "tanh"));
  for (size_t i = 0; i < spatial_.size(); ++i) {
    x = spatial_[i].forward(x.flatten(0, 1), moment, read).view({samples, frames, tokens, config_.dim()});
    x = turned(x);
    if (i == 0 && frames > 1) {
      x = x + sinesOf(at::arange(frames), config_.dim()).to(x.device(), x.scalar_type());
    }
    x = temporal_[i].forward(x.flatten(0, 1), moment).view({samples, tokens, frames, config_.dim()});
    x = turned(x);
  }
  return out(x, moment, latents.size(3), latents.size(4));
}

}  // namespace cameo::models
