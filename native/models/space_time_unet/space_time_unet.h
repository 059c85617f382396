#pragma once

#include "models/space_time_unet/space_time_blocks.h"
#include "nn/embeddings.h"

namespace cameo::models {

struct SpaceTimeInput {
  at::Tensor images;     // (B, F, in_channels, h, w): noisy latents, and what is shown beside them
  at::Tensor timesteps;  // (B), fp32 or fp64
  at::Tensor rate;       // (1 or B, 4 * block_out_channels[0]), as `SpaceTimeUNet::rate` gives it
  nn::CrossSources sources;
};

/// A UNet of such blocks, which knows the film's rate and looks along time before them.
class SpaceTimeUNet {
 public:
  /// Of all images' channels.
  SpaceTimeUNet(const Scope& scope, const SpaceTimeConfig& config, int64_t in_channels);

  /// Of frames a second, or between frames, as the model was told it: (1, 4 * block_out_channels[0]).
  at::Tensor rate(double value, const at::TensorOptions& options) const;
  /// The prediction for every frame, (B, F, out_channels, h, w), in the parameters' dtype.
  at::Tensor forward(const SpaceTimeInput& input) const;

 private:
  nn::TimestepEmbeddingConfig time_;
  nn::Conv2d conv_in_;
  nn::MotionModule transformer_in_;
  nn::TimestepEmbedding time_embedding_;
  nn::Linear fps_embedding_1_, fps_embedding_2_;
  SpaceTimeBlocks blocks_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace cameo::models
