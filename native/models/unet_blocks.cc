#include "models/unet_blocks.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/cross_attentions.h"

namespace cameo::models {

namespace {

nn::ResnetConfig resnetConfig(const UNetConfig& config, int64_t in, int64_t out) {
  return {.in = in,
          .out = out,
          .time_channels = 4 * config.block_out_channels.front(),
          .groups = config.groups,
          .eps = config.eps,
          .activation = config.activation};
}

/// The level with the most tokens that has attention: where joining some of them pays, and shows least.
size_t outermostAttention(const UNetConfig& config) {
  size_t level = 0;
  while (level + 1 < config.blocks() && !config.down_attention[level]) ++level;
  return level;
}

/// `level` counts blocks downwards.
nn::Transformer2DConfig attentionConfig(const Scope& scope, const UNetConfig& config, size_t level,
                                        int64_t layers) {
  return {.channels = config.block_out_channels[level],
          .heads = config.heads[level],
          .layers = layers,
          .context_dim = config.cross_attention_dim[level],
          .groups = config.groups,
          .linear_projection = config.linear_projection,
          .merges_tokens = level == outermostAttention(config),
          .first_cross_attention = firstCrossAttention(config, scope.name())};
}

nn::MotionConfig motionConfig(const UNetConfig& config, size_t level, int64_t layers) {
  return {.channels = config.block_out_channels[level],
          .heads = config.motion->heads[level],
          .layers = layers,
          .groups = config.groups,
          .max_images = config.motion->max_images,
          .attentions = config.motion->attentions};
}

UNetLayer makeLayer(const Scope& block, const UNetConfig& config, size_t level, int64_t index, int64_t in,
                    bool with_attention) {
  nn::ParameterRange parameters(block.set());
  UNetLayer layer{
      nn::ResnetBlock(block / "resnets" / index, resnetConfig(config, in, config.block_out_channels[level])),
      std::nullopt, std::nullopt, parameters, level};
  if (with_attention) {
    const Scope scope = block / "attentions" / index;
    layer.attention.emplace(scope, attentionConfig(scope, config, level, config.transformer_layers[level]));
  }
  if (config.motion) {
    layer.motion.emplace(block / "motion_modules" / index,
                         motionConfig(config, level, config.motion->layers[level]));
  }
  layer.parameters.close();
  return layer;
}

nn::ResnetConfig midResnetConfig(const UNetConfig& config) {
  const int64_t channels = config.block_out_channels.back();
  nn::ResnetConfig resnet = resnetConfig(config, channels, channels);
  resnet.output_scale = config.mid_output_scale;
  return resnet;
}

/// x (B*(F+R), C, h, w) through a motion module, but for the rows that stay still.
at::Tensor move(const nn::MotionModule& motion, const at::Tensor& x, const UNetContext& context) {
  const int64_t images = context.layout.images(), still = context.still_rows * images;
  if (still == 0) return motion.forward(x, images, context.motion);
  if (still == x.size(0)) return x;
  return at::cat({x.slice(0, 0, still), motion.forward(x.slice(0, still), images, context.motion)});
}

using LayerFunction = std::function<at::Tensor(const at::Tensor& x, const UNetContext& context)>;

/// `function(x, context)`, without keeping its activations where the context says so.
at::Tensor run(const LayerFunction& function, const nn::ParameterRange& parameters, const at::Tensor& x,
               const UNetContext& context) {
  if (!context.recompute) return function(x, context);
  const auto block = [function, context](const std::vector<at::Tensor>& inputs) {
    UNetContext inner = context;
    inner.time = inputs[1];
    inner.sources.text = inputs[2];
    return function(inputs[0], inner);
  };
  return nn::recompute(block, {x, context.time, context.sources.text}, parameters.trained());
}

}  // namespace

nn::TimestepEmbeddingConfig timeConfig(const UNetConfig& config) {
  return {.channels = config.block_out_channels.front(),
          .hidden = 4 * config.block_out_channels.front(),
          .flip_sin_to_cos = config.flip_sin_to_cos,
          .freq_shift = config.freq_shift,
          .activation = config.activation};
}

nn::FrameLayout UNetContext::layoutAt(size_t level, const at::Tensor& x) const {
  nn::FrameLayout here = layout;
  if (layout.references == 0 || !regions) return here;
  here.regions = regions->ofLayer(layout.frames, x.size(2), x.size(3), x.device());
  if (!reference_strengths.empty()) {
    here.strengths = reference_strengths[std::min(level, reference_strengths.size() - 1)];
  }
  return here;
}

at::Tensor UNetLayer::forward(const at::Tensor& input, const UNetContext& context) const {
  const auto layer = [this](const at::Tensor& input, const UNetContext& context) {
    at::Tensor x = resnet.forward(input, context.time);
    if (attention) {
      x = attention->forward(x, context.sources, context.layoutAt(level, x), context.token_merging);
    }
    return motion ? move(*motion, x, context) : x;
  };
  return run(layer, parameters, input, context);
}

DownBlock::DownBlock(const Scope& scope, const UNetConfig& config, size_t index) {
  int64_t in = config.block_out_channels[index == 0 ? 0 : index - 1];
  for (int64_t i = 0; i < config.layers_per_block[index]; ++i) {
    layers_.push_back(makeLayer(scope, config, index, i, in, config.down_attention[index]));
    in = config.block_out_channels[index];
  }
  if (index + 1 < config.blocks()) {
    downsample_.emplace(scope / "downsamplers" / 0, in, config.downsample_padding);
  }
}

at::Tensor DownBlock::runLayers(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips,
                                size_t count) const {
  for (size_t i = 0; i < count; ++i) skips.push_back(x = layers_[i].forward(x, context));
  return x;
}

at::Tensor DownBlock::forward(at::Tensor x, const UNetContext& context,
                              std::vector<at::Tensor>& skips) const {
  x = runLayers(std::move(x), context, skips, layers_.size());
  if (downsample_) skips.push_back(x = downsample_->forward(x));
  return x;
}

MidBlock::MidBlock(const Scope& scope, const UNetConfig& config)
    : parameters_(scope.set()),
      level_(config.blocks() - 1),
      first_(scope / "resnets" / 0, midResnetConfig(config)),
      attention_(scope / "attentions" / 0,
                 attentionConfig(scope / "attentions" / 0, config, config.blocks() - 1,
                                 config.mid_transformer_layers)),
      second_(scope / "resnets" / 1, midResnetConfig(config)) {
  if (config.motion && config.motion->mid_block) {
    motion_.emplace(scope / "motion_modules" / 0,
                    motionConfig(config, config.blocks() - 1, config.motion->mid_layers));
  }
  parameters_.close();
}

at::Tensor MidBlock::forward(const at::Tensor& input, const UNetContext& context) const {
  const auto block = [this](const at::Tensor& input, const UNetContext& context) {
    at::Tensor x = first_.forward(input, context.time);
    x = attention_.forward(x, context.sources, context.layoutAt(level_, x));
    if (motion_) x = move(*motion_, x, context);
    return second_.forward(x, context.time);
  };
  return run(block, parameters_, input, context);
}

UpBlock::UpBlock(const Scope& scope, const UNetConfig& config, size_t index) {
  const size_t level = config.blocks() - 1 - index;
  const int64_t out = config.block_out_channels[level];
  const int64_t below = config.block_out_channels[index == 0 ? level : level + 1];
  const int64_t above = config.block_out_channels[level == 0 ? 0 : level - 1];
  const int64_t layers = config.layers_per_block[level] + 1;
  for (int64_t i = 0; i < layers; ++i) {
    const int64_t from_below = i == 0 ? below : out;
    const int64_t skip = i == layers - 1 ? above : out;
    layers_.push_back(makeLayer(scope, config, level, i, from_below + skip, config.up_attention[index]));
  }
  if (level > 0) upsample_.emplace(scope / "upsamplers" / 0, out);
}

at::Tensor UpBlock::runLayers(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips,
                              size_t begin, size_t end) const {
  for (size_t i = begin; i < end; ++i) {
    x = layers_[i].forward(at::cat({x, skips.back()}, 1), context);
    skips.pop_back();
  }
  return x;
}

at::Tensor UpBlock::forward(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips) const {
  x = runLayers(std::move(x), context, skips, 0, layers_.size());
  // Odd sizes were rounded up on the way down: the next skip says what to return to.
  return upsample_ ? upsample_->forward(x, skips.back().size(2), skips.back().size(3)) : x;
}

}  // namespace cameo::models
