#include "models/vae.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/tiling.h"

namespace cameo::models {

namespace {

nn::Conv2dConfig pointwise(int64_t channels) {
  return {.in = channels, .out = channels, .kernel = 1, .padding = 0};
}

at::Tensor asChannelsLast(const at::Tensor& x) {
  return x.is_cpu() ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

}  // namespace

VaeMidBlock::VaeMidBlock(const Scope& scope, const VaeConfig& config)
    : first_(scope / "resnets" / 0,
             vaeResnet(config, config.block_out_channels.back(), config.block_out_channels.back())),
      second_(scope / "resnets" / 1,
              vaeResnet(config, config.block_out_channels.back(), config.block_out_channels.back())) {
  if (!config.mid_attention) return;
  const int64_t channels = config.block_out_channels.back();
  const Scope attention = scope / "attentions" / 0;
  attention_norm_.emplace(attention / "group_norm", config.groups, channels, kVaeEps);
  attention_.emplace(attention, nn::AttentionConfig{.dim = channels, .head_dim = channels, .qkv_bias = true});
}

at::Tensor VaeMidBlock::forward(const at::Tensor& input) const {
  at::Tensor x = first_.forward(input);
  if (attention_) {
    const at::Tensor tokens = nn::toTokens(attention_norm_->forward(x));  // (N, H*W, C)
    x = nn::fromTokens(attention_->forward(tokens), x.size(2), x.size(3)).add_(x);
  }
  return second_.forward(x);
}

VaeEncoder::VaeEncoder(const Scope& scope, const VaeConfig& config)
    : conv_in_(scope / "conv_in", {.in = config.image_channels, .out = config.block_out_channels.front()}),
      mid_(scope / "mid_block", config),
      conv_norm_out_(scope / "conv_norm_out", config.groups, config.block_out_channels.back(), kVaeEps),
      conv_out_(scope / "conv_out",
                {.in = config.block_out_channels.back(), .out = 2 * config.latent_channels}) {
  int64_t in = config.block_out_channels.front();
  for (size_t i = 0; i < config.block_out_channels.size(); ++i) {
    const Scope block = scope / "down_blocks" / i;
    VaeLevel& level = levels_.emplace_back();
    for (int64_t j = 0; j < config.layers_per_block; ++j) {
      level.resnets.emplace_back(block / "resnets" / j, vaeResnet(config, in, config.block_out_channels[i]));
      in = config.block_out_channels[i];
    }
    if (i + 1 < config.block_out_channels.size()) {
      level.downsample.emplace(block / "downsamplers" / 0, in, /*padding=*/0);
    }
  }
}

at::Tensor VaeEncoder::forward(at::Tensor x) const {
  x = conv_in_.forward(asChannelsLast(x));
  for (const VaeLevel& level : levels_) {
    for (const auto& resnet : level.resnets) x = resnet.forward(x);
    if (level.downsample) x = level.downsample->forward(x);
  }
  x = mid_.forward(x);
  return conv_out_.forward(conv_norm_out_.forward(x, nn::Activation::Silu));
}

VaeDecoder::VaeDecoder(const Scope& scope, const VaeConfig& config)
    : conv_in_(scope / "conv_in", {.in = config.latent_channels, .out = config.block_out_channels.back()}),
      mid_(scope / "mid_block", config),
      conv_norm_out_(scope / "conv_norm_out", config.groups, config.block_out_channels.front(), kVaeEps),
      conv_out_(scope / "conv_out", {.in = config.block_out_channels.front(), .out = config.image_channels}) {
  int64_t in = config.block_out_channels.back();
  const size_t count = config.block_out_channels.size();
  for (size_t i = 0; i < count; ++i) {
    const Scope block = scope / "up_blocks" / i;
    const int64_t out = config.block_out_channels[count - 1 - i];
    VaeLevel& level = levels_.emplace_back();
    for (int64_t j = 0; j < config.layers_per_block + 1; ++j) {
      level.resnets.emplace_back(block / "resnets" / j, vaeResnet(config, in, out));
      in = out;
    }
    if (i + 1 < count) level.upsample.emplace(block / "upsamplers" / 0, out);
  }
}

at::Tensor VaeDecoder::forward(at::Tensor x) const {
  x = mid_.forward(conv_in_.forward(asChannelsLast(x)));
  for (const VaeLevel& level : levels_) {
    for (const auto& resnet : level.resnets) x = resnet.forward(x);
    if (level.upsample) x = level.upsample->forward(x);
  }
  return conv_out_.forward(conv_norm_out_.forward(x, nn::Activation::Silu));
}

Vae::Decoder Vae::makeDecoder(const Scope& scope, const VaeConfig& config) {
  if (config.temporal_decoder) return TemporalDecoder(scope, config);
  return VaeDecoder(scope, config);
}

Vae::Vae(const VaeConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      encoder_(Scope(*parameters_) / "encoder", config),
      decoder_(makeDecoder(Scope(*parameters_) / "decoder", config)) {
  const Scope scope(*parameters_);
  if (config.quant_conv) quant_conv_.emplace(scope / "quant_conv", pointwise(2 * config.latent_channels));
  if (config.post_quant_conv) {
    post_quant_conv_.emplace(scope / "post_quant_conv", pointwise(config.latent_channels));
  }
}

at::Tensor Vae::moments(const at::Tensor& images) const {
  const at::Tensor encoded = encoder_.forward(images);
  return quant_conv_ ? quant_conv_->forward(encoded) : encoded;
}

Posterior Vae::posterior(const at::Tensor& moments) {
  const auto halves = moments.chunk(2, 1);
  return {halves[0], halves[1].clamp(-30, 20)};
}

Posterior Vae::encode(const at::Tensor& images) const {
  return posterior(moments(images));
}

at::Tensor Vae::decode(const at::Tensor& latents) const {
  const at::Tensor input = post_quant_conv_ ? post_quant_conv_->forward(latents) : latents;
  return std::visit([&](const auto& decoder) { return decoder.forward(input); }, decoder_);
}

int64_t Vae::tileLatents(int64_t pixels) const {
  return std::max<int64_t>(4, (pixels > 0 ? pixels : config_.sample_size) / config_.scale() / 4 * 4);
}

Posterior Vae::encodeTiled(const at::Tensor& images, int64_t tile) const {
  const int64_t latents = tileLatents(tile);
  const auto side = TileSide::withQuarter(latents * config_.scale(), latents);
  return posterior(mapTiles(images, side, side, [this](const at::Tensor& part) { return moments(part); }));
}

at::Tensor Vae::decodeTiled(const at::Tensor& latents, int64_t tile) const {
  const int64_t input = tileLatents(tile);
  const auto side = TileSide::withQuarter(input, input * config_.scale());
  return mapTiles(latents, side, side, [this](const at::Tensor& part) { return decode(part); });
}

at::Tensor Vae::scaled(const at::Tensor& latents) const {
  return (latents - config_.shift_factor) * config_.scaling_factor;
}

at::Tensor Vae::unscaled(const at::Tensor& latents) const {
  return latents / config_.scaling_factor + config_.shift_factor;
}

}  // namespace cameo::models
