#pragma once

#include <memory>

#include "models/unet_blocks.h"
#include "nn/embeddings.h"

namespace cameo::models {

struct UNetInput {
  at::Tensor images;       // (B, F+R, in_channels, h, w): noisy latents of the frames, then the references'
  int64_t references = 0;  // R; with 1 or more, spatial self-attention is PISA
  at::Tensor timesteps;    // (B)
  at::Tensor text;         // (B, S, cross_attention_dim)
  bool recompute = false;  // keep the layers' inputs only for the backward pass, and run each layer twice
};

/// Stable Diffusion's UNet, with AnimateDiff's motion modules where the config has them, and VideoMaker's
/// reference-aware self-attention where the input has references.
class UNet {
 public:
  explicit UNet(const UNetConfig& config);

  /// The prediction for every image, (B, F+R, out_channels, h, w), in the parameters' dtype.
  at::Tensor forward(const UNetInput& input) const;

  const UNetConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  UNetConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  nn::Conv2d conv_in_;
  nn::TimestepEmbedding time_embedding_;
  std::vector<DownBlock> down_blocks_;
  std::optional<MidBlock> mid_block_;
  std::vector<UpBlock> up_blocks_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace cameo::models
