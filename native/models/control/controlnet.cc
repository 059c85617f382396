#include "models/control/controlnet.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cameo::models {

namespace {

nn::Conv2dConfig zeroConfig(int64_t channels) {
  return {.in = channels, .out = channels, .kernel = 1, .padding = 0};
}

/// Channels of each result of the way down, from the outermost.
std::vector<int64_t> skipChannels(const UNetConfig& config) {
  std::vector<int64_t> channels = {config.block_out_channels.front()};
  for (size_t i = 0; i < config.blocks(); ++i) {
    const int64_t results = config.layers_per_block[i] + (i + 1 < config.blocks() ? 1 : 0);
    channels.insert(channels.end(), static_cast<size_t>(results), config.block_out_channels[i]);
  }
  return channels;
}

/// From 0.1 to 1, each by the same factor more than the one before.
double depthWeight(size_t index, size_t last) {
  return std::pow(10.0, static_cast<double>(index) / static_cast<double>(last) - 1);
}

}  // namespace

ConditionEmbedding::ConditionEmbedding(const Scope& scope, const ControlConfig& config) {
  const int64_t in = config.condition_channels + (config.takes_mask ? 1 : 0);
  const int64_t out = config.unet.block_out_channels.front();
  const std::vector<int64_t>& channels = config.embedding;
  if (channels.empty()) {
    convolutions_.emplace_back(scope, nn::Conv2dConfig{.in = in, .out = out});
    return;
  }
  convolutions_.emplace_back(scope / "conv_in", nn::Conv2dConfig{.in = in, .out = channels.front()});
  for (size_t i = 0; i + 1 < channels.size(); ++i) {
    const auto block = static_cast<int64_t>(2 * i);
    convolutions_.emplace_back(scope / "blocks" / block,
                               nn::Conv2dConfig{.in = channels[i], .out = channels[i]});
    convolutions_.emplace_back(scope / "blocks" / (block + 1),
                               nn::Conv2dConfig{.in = channels[i], .out = channels[i + 1], .stride = 2});
  }
  convolutions_.emplace_back(scope / "conv_out", nn::Conv2dConfig{.in = channels.back(), .out = out});
}

at::Tensor ConditionEmbedding::forward(const at::Tensor& condition) const {
  at::Tensor x = condition.is_cpu() ? condition.contiguous(at::MemoryFormat::ChannelsLast) : condition;
  for (const nn::Conv2d& convolution : convolutions_) {
    x = convolution.forward(x);
    if (&convolution != &convolutions_.back()) x = nn::activate(nn::Activation::Silu, x);
  }
  return x;
}

ControlNet::ControlNet(const ControlConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      conv_in_(Scope(*parameters_) / "conv_in",
               {.in = config.unet.in_channels, .out = config.unet.block_out_channels.front()}),
      time_embedding_(Scope(*parameters_) / "time_embedding", timeConfig(config.unet)),
      embedding_(Scope(*parameters_) / "controlnet_cond_embedding", config),
      mid_zero_(Scope(*parameters_) / "controlnet_mid_block",
                zeroConfig(config.unet.block_out_channels.back())) {
  const Scope scope(*parameters_);
  for (size_t i = 0; i < config.unet.blocks(); ++i) {
    down_blocks_.emplace_back(scope / "down_blocks" / i, config_.unet, i);
  }
  mid_block_.emplace(scope / "mid_block", config_.unet);
  for (const int64_t channels : skipChannels(config.unet)) {
    zeros_.emplace_back(scope / "controlnet_down_blocks" / static_cast<int64_t>(zeros_.size()),
                        zeroConfig(channels));
  }
}

at::Tensor ControlNet::embed(const at::Tensor& condition, const at::Tensor& mask) const {
  const at::Tensor channels = config_.is_bgr ? condition.flip(1) : condition;
  return embedding_.forward(config_.takes_mask ? at::cat({channels, mask}, 1) : channels);
}

ControlResiduals ControlNet::forward(const ControlInput& input) const {
  const int64_t batch = input.images.size(0), frames = input.images.size(1);
  const UNetContext context{
      .time = time_embedding_.forward(input.timesteps, input.images.scalar_type()),
      .sources = {.text = input.text},
      .layout = {.frames = frames, .references = 0},
  };
  // SparseCtrl sees the conditions alone.
  at::Tensor x = config_.isSparse() ? at::zeros_like(input.images) : input.images;
  x = x.flatten(0, 1);
  if (x.is_cpu()) x = x.contiguous(at::MemoryFormat::ChannelsLast);
  x = conv_in_.forward(x) + input.embedded.repeat({batch, 1, 1, 1});
  std::vector<at::Tensor> skips = {x};
  if (input.skips > 0) {
    down_blocks_.front().runLayers(std::move(x), context, skips, input.skips - 1);
    return weighed(skips, {}, input);
  }
  for (const DownBlock& block : down_blocks_) x = block.forward(std::move(x), context, skips);
  return weighed(skips, mid_block_->forward(x, context), input);
}

ControlResiduals ControlNet::weighed(const std::vector<at::Tensor>& skips, const at::Tensor& mid,
                                     const ControlInput& input) const {
  const auto weigh = [&](const nn::Conv2d& zero, const at::Tensor& x, size_t index) {
    const bool by_depth = input.by_depth && !config_.pools;
    at::Tensor residual = zero.forward(x);
    residual = residual * (input.scale * (by_depth ? depthWeight(index, zeros_.size()) : 1));
    return config_.pools ? residual.mean({2, 3}, /*keepdim=*/true) : residual;
  };
  ControlResiduals residuals;
  for (size_t i = 0; i < skips.size(); ++i) residuals.skips.push_back(weigh(zeros_[i], skips[i], i));
  if (mid.defined()) residuals.mid = weigh(mid_zero_, mid, zeros_.size());
  return residuals;
}

}  // namespace cameo::models
