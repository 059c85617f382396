#include "models/wan_vae/wan_vae.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace cameo::models {

namespace {

/// Pixels, as diffusers has it; a quarter is shared.
constexpr int64_t kWanTile = 256;

FilmVaeShape shapeOfWan(const WanVaeConfig& config) {
  const int64_t latents = std::max<int64_t>(4, kWanTile / config.scale() / 4 * 4);
  const auto side = TileSide::withQuarter(latents, latents * config.scale());
  return {.latent_channels = config.latent_channels,
          .scale = config.scale(),
          .time_scale = config.timeScale(),
          .frames_together = 4,
          .latents_together = 1,
          .first_alone = true,
          .rows = side,
          .columns = side,
          .channels = config.decoder_channels,
          .convolutions = 2 * (config.layers_per_block + 1)};
}

at::Tensor throughWanLevel(const WanLevel& level, at::Tensor x, nn::ChunkHistory& history) {
  for (const WanResnet& resnet : level.resnets) x = resnet.forward(x, history);
  if (level.downsample) return level.downsample->forward(x, history);
  return level.upsample ? level.upsample->forward(x, history) : x;
}

at::Tensor ofPositions(const nn::PointwiseConv& conv, const at::Tensor& x) {
  return conv.forward(x.permute({0, 2, 3, 1}).contiguous()).permute({0, 3, 1, 2});
}

/// As (C, 1, 1).
at::Tensor ofChannels(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, at::kDouble).to(like.options()).view({-1, 1, 1});
}

}  // namespace

WanMiddle::WanMiddle(const Scope& scope, int64_t channels)
    : first_(scope / "resnets" / 0, channels, channels),
      attention_(scope / "attentions" / 0, channels),
      second_(scope / "resnets" / 1, channels, channels) {}

at::Tensor WanMiddle::forward(const at::Tensor& x, nn::ChunkHistory& history) const {
  return second_.forward(attention_.forward(first_.forward(x, history)), history);
}

WanEncoder::WanEncoder(const Scope& scope, const WanVaeConfig& config)
    : conv_in_(scope / "conv_in", 3, config.encoder_channels.front(), nn::BeforeFilm::Zeros),
      middle_(scope / "mid_block", config.encoder_channels.back()),
      norm_out_(scope / "norm_out", config.encoder_channels.back()),
      conv_out_(scope / "conv_out", config.encoder_channels.back(), 2 * config.latent_channels,
                nn::BeforeFilm::Zeros) {
  int64_t in = config.encoder_channels.front(), number = 0;  // blocks lie one after another
  const Scope blocks = scope / "down_blocks";
  for (size_t i = 0; i < config.encoder_channels.size(); ++i) {
    const int64_t out = config.encoder_channels[i];
    WanLevel& level = levels_.emplace_back();
    for (int64_t j = 0; j < config.layers_per_block; ++j) {
      level.resnets.emplace_back(blocks / number++, in, out);
      in = out;
    }
    if (i < config.halves_time.size())
      level.downsample.emplace(blocks / number++, out, config.halves_time[i]);
  }
}

at::Tensor WanEncoder::forward(const at::Tensor& frames, nn::ChunkHistory& history) const {
  at::Tensor x = conv_in_.forwardCopied(frames, history);
  for (const WanLevel& level : levels_) x = throughWanLevel(level, std::move(x), history);
  return conv_out_.forward(norm_out_.forwardSilu(middle_.forward(x, history)), history);
}

WanDecoder::WanDecoder(const Scope& scope, const WanVaeConfig& config)
    : conv_in_(scope / "conv_in", config.latent_channels, config.decoder_channels.back(),
               nn::BeforeFilm::Zeros),
      middle_(scope / "mid_block", config.decoder_channels.back()),
      norm_out_(scope / "norm_out", config.decoder_channels.front()),
      conv_out_(scope / "conv_out", config.decoder_channels.front(), 3, nn::BeforeFilm::Zeros) {
  const size_t count = config.decoder_channels.size();
  int64_t in = config.decoder_channels.back();
  for (size_t i = 0; i < count; ++i) {
    const Scope block = scope / "up_blocks" / static_cast<int64_t>(i);
    const int64_t out = config.decoder_channels[count - 1 - i];
    WanLevel& level = levels_.emplace_back();
    for (int64_t j = 0; j < config.layers_per_block + 1; ++j) {
      level.resnets.emplace_back(block / "resnets" / j, in, out);
      in = out;
    }
    if (i + 1 == count) continue;
    level.upsample.emplace(block / "upsamplers" / 0, out, config.halves_time[count - 2 - i]);
    in = out / 2;
  }
}

at::Tensor WanDecoder::forward(const at::Tensor& latents, nn::ChunkHistory& history) const {
  at::Tensor x = middle_.forward(conv_in_.forwardCopied(latents, history), history);
  for (const WanLevel& level : levels_) x = throughWanLevel(level, std::move(x), history);
  const at::Tensor room = norm_out_.forwardSilu(x);
  x.reset();
  return conv_out_.forward(room, history);
}

WanVae::WanVae(const WanVaeConfig& config)
    : FilmVae(shapeOfWan(config)),
      config_(config),
      encoder_(Scope(*parameters_) / "encoder", config),
      decoder_(Scope(*parameters_) / "decoder", config),
      quant_conv_(Scope(*parameters_) / "quant_conv", 2 * config.latent_channels, 2 * config.latent_channels,
                  /*dims=*/3),
      post_quant_conv_(Scope(*parameters_) / "post_quant_conv", config.latent_channels,
                       config.latent_channels,
                       /*dims=*/3) {}

at::Tensor WanVae::encodeChunk(const at::Tensor& frames, nn::ChunkHistory& history) const {
  return ofPositions(quant_conv_, encoder_.forward(frames, history));
}

at::Tensor WanVae::decodeChunk(const at::Tensor& latents, nn::ChunkHistory& history) const {
  const at::Tensor frames = decoder_.forward(ofPositions(post_quant_conv_, latents), history);
  // What is clamped has no gradient: a pixel that went too far could not come back.
  return c10::GradMode::is_enabled() ? frames : frames.clamp_(-1, 1);
}

at::Tensor WanVae::scaled(const at::Tensor& latents) const {
  return (latents - ofChannels(config_.latents_mean, latents)) / ofChannels(config_.latents_std, latents);
}

at::Tensor WanVae::unscaled(const at::Tensor& latents) const {
  return latents * ofChannels(config_.latents_std, latents) + ofChannels(config_.latents_mean, latents);
}

}  // namespace cameo::models
