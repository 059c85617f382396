#include "models/causal_vae/causal_vae.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::models {

namespace {

/// As many as the network was trained with: norms are over all frames of a chunk.
constexpr int64_t kFramesTogether = 8, kLatentsTogether = 2;
/// How much of a tile is shared with the one before, of its height and of its width.
constexpr int64_t kSharedRows = 6, kSharedColumns = 5;

std::vector<CausalResnet> causalResnets(const Scope& scope, const CausalVaeConfig& config, int64_t count,
                                        int64_t in, int64_t out, int64_t latent_channels) {
  std::vector<CausalResnet> resnets;
  for (int64_t i = 0; i < count; ++i) {
    resnets.emplace_back(scope / "resnets" / i, config, i == 0 ? in : out, out, latent_channels);
  }
  return resnets;
}

CausalLevel middle(const Scope& scope, const CausalVaeConfig& config, int64_t latent_channels) {
  const int64_t channels = config.block_out_channels.back();
  return {causalResnets(scope / "mid_block", config, 2, channels, channels, latent_channels), {}, {}};
}

at::Tensor throughLevel(const CausalLevel& level, at::Tensor x, const FilmChunk& chunk) {
  for (const CausalResnet& resnet : level.resnets) x = resnet.forward(x, chunk);
  if (level.downsample) return level.downsample->forward(x, chunk);
  return level.upsample ? level.upsample->forward(x, chunk) : x;
}

FilmVaeShape shapeOf(const CausalVaeConfig& config) {
  const int64_t scale = config.scale();
  const auto side = [scale](int64_t pixels, int64_t shared) {
    const int64_t latents = std::max<int64_t>(2, pixels / scale);
    const int64_t stride = std::max<int64_t>(1, latents * (shared - 1) / shared);
    return TileSide{latents, latents * scale, stride, (latents - stride) * scale};
  };
  return {.latent_channels = config.latent_channels,
          .scale = scale,
          .time_scale = config.time_scale,
          .frames_together = kFramesTogether,
          .latents_together = kLatentsTogether,
          .rows = side(config.tile_height, kSharedRows),
          .columns = side(config.tile_width, kSharedColumns),
          .channels = config.block_out_channels,
          .convolutions = 2 * (config.layers_per_block + 1)};
}

at::Tensor pointwise(const std::optional<nn::PointwiseConv>& conv, const at::Tensor& x) {
  return conv ? conv->forward(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2}) : x;
}

}  // namespace

CausalEncoder::CausalEncoder(const Scope& scope, const CausalVaeConfig& config)
    : conv_in_(scope / "conv_in" / "conv", config.image_channels, config.block_out_channels.front()),
      norm_out_(
          scope / "norm_out",
          {.channels = config.block_out_channels.back(), .groups = config.groups, .eps = kCausalVaeEps}),
      conv_out_(scope / "conv_out" / "conv", config.block_out_channels.back(), 2 * config.latent_channels) {
  int64_t in = config.block_out_channels.front();
  const auto count = static_cast<int64_t>(config.block_out_channels.size());
  for (int64_t i = 0; i < count; ++i) {
    const Scope block = scope / "down_blocks" / i;
    const int64_t out = config.block_out_channels[i];
    CausalLevel& level = levels_.emplace_back();
    level.resnets = causalResnets(block, config, config.layers_per_block, in, out, 0);
    if (i + 1 < count) level.downsample.emplace(block / "downsamplers" / 0, out, i < config.timeLevels());
    in = out;
  }
  levels_.push_back(middle(scope, config, 0));
}

at::Tensor CausalEncoder::forward(const at::Tensor& frames, nn::ChunkHistory& history) const {
  const FilmChunk chunk{history};
  at::Tensor x = conv_in_.forwardCopied(frames, history);
  for (const CausalLevel& level : levels_) x = throughLevel(level, std::move(x), chunk);
  return conv_out_.forward(norm_out_.forward(x, chunk, nn::Activation::Silu), history);
}

CausalDecoder::CausalDecoder(const Scope& scope, const CausalVaeConfig& config)
    : conv_in_(scope / "conv_in" / "conv", config.latent_channels, config.block_out_channels.back()),
      norm_out_(scope / "norm_out", {.channels = config.block_out_channels.front(),
                                     .groups = config.groups,
                                     .eps = kCausalVaeEps,
                                     .latent_channels = config.latent_channels}),
      conv_out_(scope / "conv_out" / "conv", config.block_out_channels.front(), config.image_channels) {
  levels_.push_back(middle(scope, config, config.latent_channels));
  int64_t in = config.block_out_channels.back();
  const auto count = static_cast<int64_t>(config.block_out_channels.size());
  for (int64_t i = 0; i < count; ++i) {
    const Scope block = scope / "up_blocks" / i;
    const int64_t out = config.block_out_channels[count - 1 - i];
    CausalLevel& level = levels_.emplace_back();
    level.resnets =
        causalResnets(block, config, config.layers_per_block + 1, in, out, config.latent_channels);
    if (i + 1 < count) level.upsample.emplace(block / "upsamplers" / 0, out, i < config.timeLevels());
    in = out;
  }
}

at::Tensor CausalDecoder::forward(const at::Tensor& latents, nn::ChunkHistory& history) const {
  const FilmChunk chunk{history, latents};
  at::Tensor x = conv_in_.forwardCopied(latents, history);
  for (const CausalLevel& level : levels_) x = throughLevel(level, std::move(x), chunk);
  const at::Tensor room = norm_out_.forward(x, chunk, nn::Activation::Silu);
  x.reset();
  return conv_out_.forward(room, history);
}

CausalVae::CausalVae(const CausalVaeConfig& config)
    : FilmVae(shapeOf(config)),
      config_(config),
      encoder_(Scope(*parameters_) / "encoder", config),
      decoder_(Scope(*parameters_) / "decoder", config) {
  const Scope scope(*parameters_);
  const auto add = [&](std::optional<nn::PointwiseConv>& conv, const char* name, int64_t channels) {
    conv.emplace(scope / name, channels, channels, /*dims=*/3);
  };
  if (config.quant_conv) add(quant_conv_, "quant_conv", 2 * config.latent_channels);
  if (config.post_quant_conv) add(post_quant_conv_, "post_quant_conv", config.latent_channels);
}

at::Tensor CausalVae::encodeChunk(const at::Tensor& frames, nn::ChunkHistory& history) const {
  return pointwise(quant_conv_, encoder_.forward(frames, history));
}

at::Tensor CausalVae::decodeChunk(const at::Tensor& latents, nn::ChunkHistory& history) const {
  return decoder_.forward(pointwise(post_quant_conv_, latents), history);
}

at::Tensor CausalVae::scaled(const at::Tensor& latents) const {
  return latents * config_.scaling_factor;
}

at::Tensor CausalVae::unscaled(const at::Tensor& latents) const {
  return latents / config_.scaling_factor;
}

}  // namespace cameo::models
