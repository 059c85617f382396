#include "models/video_unet/video_unet_blocks.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::models {

namespace {

/// The way down and the middle have another one where there is no attention.
constexpr double kEps = 1e-6, kEpsWithoutAttention = 1e-5;

nn::SpatioTemporalResnetConfig videoResnet(const UNetConfig& config, int64_t in, int64_t out, double eps) {
  return {.spatial = {.in = in,
                      .out = out,
                      .time_channels = 4 * config.block_out_channels.front(),
                      .groups = config.groups,
                      .eps = eps},
          .temporal_eps = eps};
}

/// `level` counts blocks downwards.
nn::SpatioTemporalTransformerConfig videoAttention(const UNetConfig& config, size_t level, int64_t layers) {
  return {.channels = config.block_out_channels[level],
          .heads = config.heads[level],
          .layers = layers,
          .context_dim = config.cross_attention_dim[level],
          .groups = config.groups};
}

struct VideoLayerPlace {
  size_t level;  // counts blocks downwards
  int64_t index;
  bool with_attention;
};

VideoUNetLayer videoLayer(const Scope& block, const UNetConfig& config, const VideoLayerPlace& place,
                          int64_t in, double eps) {
  const int64_t out = config.block_out_channels[place.level];
  nn::ParameterRange parameters(block.set());
  VideoUNetLayer layer{
      nn::SpatioTemporalResnet(block / "resnets" / place.index, videoResnet(config, in, out, eps)),
      std::nullopt, parameters};
  if (place.with_attention) {
    layer.attention.emplace(block / "attentions" / place.index,
                            videoAttention(config, place.level, config.transformer_layers[place.level]));
  }
  layer.parameters.close();
  return layer;
}

}  // namespace

at::Tensor VideoUNetLayer::forward(at::Tensor x, const VideoUNetContext& context) const {
  const auto layer = [this, frames = context.frames](at::Tensor input, const at::Tensor& time,
                                                     const at::Tensor& picture) {
    const at::Tensor h = resnet.forward(std::move(input), frames, time);
    return attention ? attention->forward(h, frames, picture) : h;
  };
  if (!context.recompute) return layer(std::move(x), context.time, context.picture);
  const auto block = [layer](const std::vector<at::Tensor>& inputs) {
    return layer(inputs[0], inputs[1], inputs[2]);
  };
  return nn::recompute(block, {x, context.time, context.picture}, parameters.trained());
}

VideoDownBlock::VideoDownBlock(const Scope& scope, const UNetConfig& config, size_t index) {
  const bool attends = config.down_attention[index];
  int64_t in = config.block_out_channels[index == 0 ? 0 : index - 1];
  for (int64_t i = 0; i < config.layers_per_block[index]; ++i) {
    layers_.push_back(
        videoLayer(scope, config, {index, i, attends}, in, attends ? kEps : kEpsWithoutAttention));
    in = config.block_out_channels[index];
  }
  if (index + 1 < config.blocks()) downsample_.emplace(scope / "downsamplers" / 0, in, /*padding=*/1);
}

at::Tensor VideoDownBlock::forward(at::Tensor x, const VideoUNetContext& context,
                                   std::vector<at::Tensor>& skips) const {
  for (const VideoUNetLayer& layer : layers_) skips.push_back(x = layer.forward(x, context));
  if (downsample_) skips.push_back(x = downsample_->forward(x));
  return x;
}

VideoMidBlock::VideoMidBlock(const Scope& scope, const UNetConfig& config)
    : first_(videoLayer(scope, config, {config.blocks() - 1, 0, /*with_attention=*/true},
                        config.block_out_channels.back(), kEpsWithoutAttention)),
      second_(scope / "resnets" / 1, videoResnet(config, config.block_out_channels.back(),
                                                 config.block_out_channels.back(), kEpsWithoutAttention)) {}

at::Tensor VideoMidBlock::forward(const at::Tensor& x, const VideoUNetContext& context) const {
  return second_.forward(first_.forward(x, context), context.frames, context.time);
}

VideoUpBlock::VideoUpBlock(const Scope& scope, const UNetConfig& config, size_t index) {
  const size_t level = config.blocks() - 1 - index;
  const int64_t out = config.block_out_channels[level];
  const int64_t below = config.block_out_channels[index == 0 ? level : level + 1];
  const int64_t above = config.block_out_channels[level == 0 ? 0 : level - 1];
  const int64_t layers = config.layers_per_block[level] + 1;
  for (int64_t i = 0; i < layers; ++i) {
    const int64_t from_below = i == 0 ? below : out;
    const int64_t skip = i == layers - 1 ? above : out;
    layers_.push_back(
        videoLayer(scope, config, {level, i, config.up_attention[index]}, from_below + skip, kEps));
  }
  if (level > 0) upsample_.emplace(scope / "upsamplers" / 0, out);
}

at::Tensor VideoUpBlock::forward(at::Tensor x, const VideoUNetContext& context,
                                 std::vector<at::Tensor>& skips) const {
  for (const VideoUNetLayer& layer : layers_) {
    x = layer.forward(at::cat({x, skips.back()}, 1), context);
    skips.pop_back();
  }
  // Odd sizes were rounded up on the way down: the next skip says what to return to.
  return upsample_ ? upsample_->forward(x, skips.back().size(2), skips.back().size(3)) : x;
}

}  // namespace cameo::models
