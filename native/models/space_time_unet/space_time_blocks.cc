#include "models/space_time_unet/space_time_blocks.h"

#include <ATen/ATen.h>

#include "models/cross_attentions.h"

namespace cameo::models {

namespace {

struct SpaceTimePlace {
  size_t level;  // counts blocks downwards
  int64_t index;
  bool with_attention;
};

nn::Transformer2DConfig spatialTransformer(const Scope& scope, const SpaceTimeConfig& config, size_t level) {
  return {.channels = config.unet.block_out_channels[level],
          .heads = config.headsAt(level),
          .layers = config.unet.transformer_layers[level],
          .context_dim = config.unet.cross_attention_dim[level],
          .groups = config.unet.groups,
          .linear_projection = config.unet.linear_projection,
          .first_cross_attention = firstCrossAttention(config.unet, scope.name()),
          .head_dim = config.head_dim};
}

SpaceTimeLayer spaceTimeLayer(const Scope& block, const SpaceTimeConfig& config, const SpaceTimePlace& place,
                              int64_t in) {
  const int64_t out = config.unet.block_out_channels[place.level];
  SpaceTimeLayer layer{nn::ResnetBlock(block / "resnets" / place.index,
                                       {.in = in,
                                        .out = out,
                                        .time_channels = 4 * config.unet.block_out_channels.front(),
                                        .groups = config.unet.groups,
                                        .eps = config.unet.eps}),
                       nn::TemporalConvBlock(block / "temp_convs" / place.index, out, config.unet.groups),
                       std::nullopt, std::nullopt};
  if (place.with_attention) {
    const Scope scope = block / "attentions" / place.index;
    layer.attention.emplace(scope, spatialTransformer(scope, config, place.level));
    layer.temporal_attention.emplace(temporalTransformer(block / "temp_attentions" / place.index, config, out,
                                                         config.headsAt(place.level)));
  }
  return layer;
}

}  // namespace

SpaceTimeConfig SpaceTimeConfig::read(const Config& config, const UNetConfig::BlockNames& down,
                                      const UNetConfig::BlockNames& up) {
  SpaceTimeConfig result{.unet = UNetConfig::readBothWays(config, down, up, 1024, /*with_heads=*/false)};
  result.unet.activation = nn::Activation::Silu;
  result.unet.eps = 1e-5;
  // Here it is what it is called; in configs of UNets for pictures it is the number of heads.
  result.head_dim = config.integer("attention_head_dim", 64);
  for (size_t i = 0; i < result.unet.blocks(); ++i) {
    if (result.unet.block_out_channels[i] < result.head_dim) {
      config.fail("attention_head_dim", "it is the size of a head, and no block may have fewer channels");
    }
    result.unet.heads[i] = result.headsAt(i);
  }
  return result;
}

nn::MotionModule temporalTransformer(const Scope& scope, const SpaceTimeConfig& config, int64_t channels,
                                     int64_t heads) {
  return nn::MotionModule(scope, {.channels = channels,
                                  .heads = heads,
                                  .layers = config.unet.transformer_layers.front(),
                                  .groups = config.unet.groups,
                                  .max_images = 0,
                                  .head_dim = config.head_dim});
}

at::Tensor SpaceTimeLayer::forward(const at::Tensor& input, const SpaceTimeContext& context) const {
  const at::Tensor x = convolutions.forward(resnet.forward(input, context.time), context.frames);
  if (!attention) return x;
  const at::Tensor seen = attention->forward(x, context.sources, {.frames = context.frames});
  return temporal_attention->forward(seen, context.frames);
}

SpaceTimeDownBlock::SpaceTimeDownBlock(const Scope& scope, const SpaceTimeConfig& config, size_t index) {
  const UNetConfig& unet = config.unet;
  int64_t in = unet.block_out_channels[index == 0 ? 0 : index - 1];
  for (int64_t i = 0; i < unet.layers_per_block[index]; ++i) {
    layers_.push_back(spaceTimeLayer(scope, config, {index, i, unet.down_attention[index]}, in));
    in = unet.block_out_channels[index];
  }
  if (index + 1 < unet.blocks()) downsample_.emplace(scope / "downsamplers" / 0, in, /*padding=*/1);
}

at::Tensor SpaceTimeDownBlock::forward(at::Tensor x, const SpaceTimeContext& context,
                                       std::vector<at::Tensor>& skips) const {
  for (const SpaceTimeLayer& layer : layers_) skips.push_back(x = layer.forward(x, context));
  if (downsample_) skips.push_back(x = downsample_->forward(x));
  return x;
}

SpaceTimeMidBlock::SpaceTimeMidBlock(const Scope& scope, const SpaceTimeConfig& config)
    : first_(spaceTimeLayer(scope, config, {config.unet.blocks() - 1, 0, /*with_attention=*/true},
                            config.unet.block_out_channels.back())),
      second_(spaceTimeLayer(scope, config, {config.unet.blocks() - 1, 1, /*with_attention=*/false},
                             config.unet.block_out_channels.back())) {}

at::Tensor SpaceTimeMidBlock::forward(const at::Tensor& x, const SpaceTimeContext& context) const {
  return second_.forward(first_.forward(x, context), context);
}

SpaceTimeUpBlock::SpaceTimeUpBlock(const Scope& scope, const SpaceTimeConfig& config, size_t index) {
  const UNetConfig& unet = config.unet;
  const size_t level = unet.blocks() - 1 - index;
  const int64_t out = unet.block_out_channels[level];
  const int64_t below = unet.block_out_channels[index == 0 ? level : level + 1];
  const int64_t above = unet.block_out_channels[level == 0 ? 0 : level - 1];
  const int64_t layers = unet.layers_per_block[level] + 1;
  for (int64_t i = 0; i < layers; ++i) {
    const int64_t from_below = i == 0 ? below : out;
    const int64_t skip = i == layers - 1 ? above : out;
    layers_.push_back(spaceTimeLayer(scope, config, {level, i, unet.up_attention[index]}, from_below + skip));
  }
  if (level > 0) upsample_.emplace(scope / "upsamplers" / 0, out);
}

at::Tensor SpaceTimeUpBlock::forward(at::Tensor x, const SpaceTimeContext& context,
                                     std::vector<at::Tensor>& skips) const {
  for (const SpaceTimeLayer& layer : layers_) {
    x = layer.forward(at::cat({x, skips.back()}, 1), context);
    skips.pop_back();
  }
  // Odd sizes were rounded up on the way down: the next skip says what to return to.
  return upsample_ ? upsample_->forward(x, skips.back().size(2), skips.back().size(3)) : x;
}

SpaceTimeBlocks::SpaceTimeBlocks(const Scope& scope, const SpaceTimeConfig& config)
    : mid_block_(scope / "mid_block", config) {
  for (size_t i = 0; i < config.unet.blocks(); ++i) {
    down_blocks_.emplace_back(scope / "down_blocks" / i, config, i);
  }
  for (size_t i = 0; i < config.unet.blocks(); ++i) {
    up_blocks_.emplace_back(scope / "up_blocks" / i, config, i);
  }
}

at::Tensor SpaceTimeBlocks::forward(at::Tensor x, const SpaceTimeContext& context) const {
  std::vector<at::Tensor> skips = {x};
  for (const SpaceTimeDownBlock& block : down_blocks_) x = block.forward(std::move(x), context, skips);
  x = mid_block_.forward(x, context);
  for (const SpaceTimeUpBlock& block : up_blocks_) x = block.forward(std::move(x), context, skips);
  return x;
}

}  // namespace cameo::models
