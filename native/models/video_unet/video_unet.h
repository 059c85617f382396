#pragma once

#include <memory>

#include "models/video_unet/video_unet_blocks.h"
#include "nn/embeddings.h"

namespace cameo::models {

struct VideoUNetInput {
  at::Tensor images;       // (B, F, in_channels, h, w): noisy latents of the frames, and the picture's
  at::Tensor timesteps;    // (B), fp32 or fp64
  at::Tensor time_ids;     // (B, VideoUNetConfig::kTimeIds)
  at::Tensor picture;      // (B, S, cross_attention_dim): what CLIP says of the picture
  bool recompute = false;  // gradient checkpointing, by layer
};

/// The UNet of Stable Video Diffusion (arXiv 2311.15127): a picture's latents are beside those of each frame,
/// and all that it does is over space and over time.
class VideoUNet {
 public:
  explicit VideoUNet(const VideoUNetConfig& config);

  /// The prediction for every frame, (B, F, out_channels, h, w), in the parameters' dtype.
  at::Tensor forward(const VideoUNetInput& input) const;

  const VideoUNetConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  at::Tensor embedding(const VideoUNetInput& input) const;

  VideoUNetConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  nn::Conv2d conv_in_;
  nn::TimestepEmbedding time_embedding_;
  nn::Linear add_embedding_1_, add_embedding_2_;
  std::vector<VideoDownBlock> down_blocks_;
  std::optional<VideoMidBlock> mid_block_;
  std::vector<VideoUpBlock> up_blocks_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace cameo::models
