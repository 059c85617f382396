#include "models/video_unet/video_unet.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "models/unet_blocks.h"

namespace cameo::models {

VideoUNet::VideoUNet(const VideoUNetConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      conv_in_(Scope(*parameters_) / "conv_in",
               {.in = config.unet.in_channels, .out = config.unet.block_out_channels.front()}),
      time_embedding_(Scope(*parameters_) / "time_embedding", timeConfig(config.unet)),
      add_embedding_1_(Scope(*parameters_) / "add_embedding" / "linear_1",
                       VideoUNetConfig::kTimeIds * config.time_id_channels,
                       4 * config.unet.block_out_channels.front()),
      add_embedding_2_(Scope(*parameters_) / "add_embedding" / "linear_2",
                       4 * config.unet.block_out_channels.front(),
                       4 * config.unet.block_out_channels.front()),
      conv_norm_out_(Scope(*parameters_) / "conv_norm_out", config.unet.groups,
                     config.unet.block_out_channels.front(), 1e-5),
      conv_out_(Scope(*parameters_) / "conv_out",
                {.in = config.unet.block_out_channels.front(), .out = config.unet.out_channels}) {
  const Scope scope(*parameters_);
  const UNetConfig& unet = config.unet;
  for (size_t i = 0; i < unet.blocks(); ++i) down_blocks_.emplace_back(scope / "down_blocks" / i, unet, i);
  mid_block_.emplace(scope / "mid_block", unet);
  for (size_t i = 0; i < unet.blocks(); ++i) up_blocks_.emplace_back(scope / "up_blocks" / i, unet, i);
}

/// (B, 4 * block_out_channels[0])
at::Tensor VideoUNet::embedding(const VideoUNetInput& input) const {
  const c10::ScalarType dtype = input.images.scalar_type();
  const at::Tensor sinusoids =
      nn::timestepSinusoids(input.time_ids.flatten(), {.channels = config_.time_id_channels})
          .view({input.images.size(0), -1})
          .to(dtype);
  const at::Tensor wanted = add_embedding_2_.forward(at::silu(add_embedding_1_.forward(sinusoids)));
  return time_embedding_.forward(input.timesteps, dtype) + wanted;
}

at::Tensor VideoUNet::forward(const VideoUNetInput& input) const {
  const int64_t frames = input.images.size(1);
  const VideoUNetContext context{.time = embedding(input),
                                 .picture = input.picture,
                                 .frames = frames,
                                 .recompute = input.recompute && c10::GradMode::is_enabled()};
  at::Tensor x = input.images.flatten(0, 1);  // (B*F, C, h, w)
  if (x.is_cpu()) x = x.contiguous(at::MemoryFormat::ChannelsLast);
  x = conv_in_.forward(x);
  std::vector<at::Tensor> skips = {x};
  for (const VideoDownBlock& block : down_blocks_) x = block.forward(std::move(x), context, skips);
  x = mid_block_->forward(x, context);
  for (const VideoUpBlock& block : up_blocks_) x = block.forward(std::move(x), context, skips);
  x = conv_out_.forward(conv_norm_out_.forward(x, nn::Activation::Silu));
  return x.unflatten(0, {-1, frames});
}

}  // namespace cameo::models
