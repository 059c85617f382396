#include "models/temporal_decoder.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::models {

namespace {

nn::SpatioTemporalResnetConfig temporalResnet(const VaeConfig& config, int64_t in, int64_t out) {
  return {.spatial = vaeResnet(config, in, out), .temporal_eps = 1e-5, .switched = true};
}

}  // namespace

TemporalDecoder::TemporalDecoder(const Scope& scope, const VaeConfig& config)
    : conv_in_(scope / "conv_in", {.in = config.latent_channels, .out = config.block_out_channels.back()}),
      attention_norm_(scope / "mid_block" / "attentions" / 0 / "group_norm", config.groups,
                      config.block_out_channels.back(), kVaeEps),
      attention_(scope / "mid_block" / "attentions" / 0, {.dim = config.block_out_channels.back(),
                                                          .head_dim = config.block_out_channels.back(),
                                                          .qkv_bias = true}),
      conv_norm_out_(scope / "conv_norm_out", config.groups, config.block_out_channels.front(), kVaeEps),
      conv_out_(scope / "conv_out", {.in = config.block_out_channels.front(), .out = config.image_channels}),
      time_conv_out_(scope / "time_conv_out", config.image_channels, config.image_channels) {
  int64_t in = config.block_out_channels.back();
  for (int64_t i = 0; i < config.layers_per_block; ++i) {
    mid_resnets_.emplace_back(scope / "mid_block" / "resnets" / i, temporalResnet(config, in, in));
  }
  const size_t count = config.block_out_channels.size();
  for (size_t i = 0; i < count; ++i) {
    const Scope block = scope / "up_blocks" / i;
    const int64_t out = config.block_out_channels[count - 1 - i];
    Level& level = levels_.emplace_back();
    for (int64_t j = 0; j < config.layers_per_block + 1; ++j) {
      level.resnets.emplace_back(block / "resnets" / j, temporalResnet(config, in, out));
      in = out;
    }
    if (i + 1 < count) level.upsample.emplace(block / "upsamplers" / 0, out);
  }
}

at::Tensor TemporalDecoder::middle(at::Tensor x) const {
  const int64_t frames = x.size(0);
  x = mid_resnets_.front().forward(x, frames);
  // diffusers has one attention, and runs one block after it, however many there are.
  if (mid_resnets_.size() == 1) return x;
  const at::Tensor tokens = nn::toTokens(attention_norm_.forward(x));  // (F, h*w, C)
  x = nn::fromTokens(attention_.forward(tokens), x.size(2), x.size(3)).add_(x);
  return mid_resnets_[1].forward(x, frames);
}

at::Tensor TemporalDecoder::overTime(const at::Tensor& x) const {
  const at::Tensor film = nn::toTokens(x).unsqueeze(0).contiguous();  // (1, F, H*W, 3)
  return nn::fromTokens(time_conv_out_.forward(film)[0], x.size(2), x.size(3));
}

at::Tensor TemporalDecoder::forward(at::Tensor x) const {
  const int64_t frames = x.size(0);
  if (x.is_cpu()) x = x.contiguous(at::MemoryFormat::ChannelsLast);
  x = middle(conv_in_.forward(x));
  for (const Level& level : levels_) {
    for (const auto& resnet : level.resnets) x = resnet.forward(std::move(x), frames);
    if (level.upsample) x = level.upsample->forward(x);
  }
  return overTime(conv_out_.forward(conv_norm_out_.forward(x, nn::Activation::Silu)));
}

}  // namespace cameo::models
