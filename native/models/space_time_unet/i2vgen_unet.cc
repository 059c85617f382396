#include "models/space_time_unet/i2vgen_unet.h"

#include <ATen/ATen.h>

namespace cameo::models {

namespace {

/// A picture's latents are pooled to so many, along each side, before they become tokens.
constexpr int64_t kPooledLatents = 32;

at::Tensor onChannelsLast(const at::Tensor& x) {
  return x.is_cpu() ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

}  // namespace

I2VGenConfig I2VGenConfig::read(const Config& config) {
  I2VGenConfig result{SpaceTimeConfig::read(config, {"DownBlock3D", "CrossAttnDownBlock3D"},
                                            {"UpBlock3D", "CrossAttnUpBlock3D"})};
  result.blocks.unet.linear_projection = true;
  return result;
}

PictureLatents::PictureLatents(const Scope& scope, int64_t channels)
    : first_(scope / "image_latents_proj_in" / 0, {.in = channels, .out = 4 * channels}),
      second_(scope / "image_latents_proj_in" / 2, {.in = 4 * channels, .out = 4 * channels}),
      third_(scope / "image_latents_proj_in" / 4, {.in = 4 * channels, .out = channels}),
      norm_(scope / "image_latents_temporal_encoder" / "norm1", channels),
      attention_(scope / "image_latents_temporal_encoder" / "attn1",
                 {.dim = channels, .heads = 2, .head_dim = channels}),
      feed_forward_(scope / "image_latents_temporal_encoder" / "ff", channels, "gelu") {}

at::Tensor PictureLatents::forward(const at::Tensor& x) const {
  const at::Tensor projected =
      third_.forward(at::silu(second_.forward(at::silu(first_.forward(onChannelsLast(x))))));
  at::Tensor tokens = nn::toTokens(projected).transpose(0, 1).contiguous();  // (n, F, channels)
  tokens = attention_.forward(norm_.forward(tokens), tokens);
  tokens = feed_forward_.forward(tokens) + tokens;
  return nn::fromTokens(tokens.transpose(0, 1), x.size(2), x.size(3)).unsqueeze(0);
}

PictureTokens::PictureTokens(const Scope& scope, const UNetConfig& config)
    : channels_(config.in_channels),
      first_(scope / "image_latents_context_embedding" / 0,
             {.in = config.in_channels, .out = 8 * config.in_channels}),
      second_(scope / "image_latents_context_embedding" / 3,
              {.in = 8 * config.in_channels, .out = 16 * config.in_channels, .stride = 2}),
      third_(scope / "image_latents_context_embedding" / 5,
             {.in = 16 * config.in_channels, .out = config.cross_attention_dim.front(), .stride = 2}),
      widen_(scope / "context_embedding" / 0, config.cross_attention_dim.front(),
             4 * config.block_out_channels.front()),
      spread_(scope / "context_embedding" / 2, 4 * config.block_out_channels.front(),
              config.cross_attention_dim.front() * config.in_channels) {}

at::Tensor PictureTokens::ofLatents(const at::Tensor& latents) const {
  const at::Tensor wide = at::silu(first_.forward(onChannelsLast(latents)));
  const at::Tensor pooled = at::adaptive_avg_pool2d(wide, {kPooledLatents, kPooledLatents});
  return nn::toTokens(third_.forward(at::silu(second_.forward(pooled))));
}

at::Tensor PictureTokens::ofEmbeds(const at::Tensor& embeds) const {
  return spread_.forward(at::silu(widen_.forward(embeds))).view({embeds.size(0), channels_, embeds.size(-1)});
}

I2VGenUNet::I2VGenUNet(const I2VGenConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      unet_(Scope(*parameters_), config.blocks, 2 * config.blocks.unet.in_channels),
      picture_latents_(Scope(*parameters_), config.blocks.unet.in_channels),
      picture_tokens_(Scope(*parameters_), config.blocks.unet) {}

I2VGenConditions I2VGenUNet::conditions(const at::Tensor& text, const at::Tensor& embeds,
                                        const at::Tensor& latents, double fps) const {
  const at::Tensor of_latents = picture_tokens_.ofLatents(latents.slice(0, 0, 1));
  return {.context =
              at::cat({text, of_latents.expand({text.size(0), -1, -1}), picture_tokens_.ofEmbeds(embeds)}, 1),
          .latents = picture_latents_.forward(latents),
          .rate = unet_.rate(fps, text.options())};
}

at::Tensor I2VGenUNet::forward(const at::Tensor& images, const at::Tensor& timesteps,
                               const I2VGenConditions& conditions) const {
  const at::Tensor shown = conditions.latents.expand({images.size(0), -1, -1, -1, -1});
  return unet_.forward({.images = at::cat({images, shown}, 2),
                        .timesteps = timesteps,
                        .rate = conditions.rate,
                        .sources = {.text = conditions.context}});
}

}  // namespace cameo::models
