#include "models/space_time_unet/space_time_unet.h"

#include <ATen/ATen.h>

#include "models/unet_blocks.h"

namespace cameo::models {

namespace {

/// Of the transformer before the blocks.
constexpr int64_t kFirstHeads = 8;

}  // namespace

SpaceTimeUNet::SpaceTimeUNet(const Scope& scope, const SpaceTimeConfig& config, int64_t in_channels)
    : time_(timeConfig(config.unet)),
      conv_in_(scope / "conv_in", {.in = in_channels, .out = time_.channels}),
      transformer_in_(temporalTransformer(scope / "transformer_in", config, time_.channels, kFirstHeads)),
      time_embedding_(scope / "time_embedding", time_),
      fps_embedding_1_(scope / "fps_embedding" / 0, time_.channels, time_.hidden),
      fps_embedding_2_(scope / "fps_embedding" / 2, time_.hidden, time_.hidden),
      blocks_(scope, config),
      conv_norm_out_(scope / "conv_norm_out", config.unet.groups, time_.channels, 1e-5),
      conv_out_(scope / "conv_out", {.in = time_.channels, .out = config.unet.out_channels}) {}

at::Tensor SpaceTimeUNet::rate(double value, const at::TensorOptions& options) const {
  const at::Tensor sinusoids =
      nn::timestepSinusoids(at::full({1}, value, options.dtype(at::kDouble)), time_).to(options);
  return fps_embedding_2_.forward(at::silu(fps_embedding_1_.forward(sinusoids)));
}

at::Tensor SpaceTimeUNet::forward(const SpaceTimeInput& input) const {
  const int64_t frames = input.images.size(1);
  const SpaceTimeContext context{
      .time = time_embedding_.forward(input.timesteps, input.images.scalar_type()) + input.rate,
      .sources = input.sources,
      .frames = frames};
  at::Tensor x = input.images.flatten(0, 1);  // (B*F, C, h, w)
  if (x.is_cpu()) x = x.contiguous(at::MemoryFormat::ChannelsLast);
  x = blocks_.forward(transformer_in_.forward(conv_in_.forward(x), frames), context);
  x = conv_out_.forward(conv_norm_out_.forward(x, nn::Activation::Silu));
  return x.unflatten(0, {-1, frames});
}

}  // namespace cameo::models
