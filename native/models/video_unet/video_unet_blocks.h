#pragma once

#include <optional>
#include <vector>

#include "models/video_unet/video_unet_config.h"
#include "nn/recompute.h"
#include "nn/spatio_temporal_transformer.h"

namespace cameo::models {

/// What every block of one evaluation shares.
struct VideoUNetContext {
  at::Tensor time;         // (B, 4 * block_out_channels[0])
  at::Tensor picture;      // (B, S, cross_attention_dim)
  int64_t frames = 1;      // F
  bool recompute = false;  // activations inside a layer are not kept for the backward pass
};

/// A resnet block, then a transformer where there is one, both over space and time. x (B*F, C, h, w).
struct VideoUNetLayer {
  nn::SpatioTemporalResnet resnet;
  std::optional<nn::SpatioTemporalTransformer> attention;
  nn::ParameterRange parameters;

  at::Tensor forward(at::Tensor x, const VideoUNetContext& context) const;
};

class VideoDownBlock {
 public:
  VideoDownBlock(const Scope& scope, const UNetConfig& config, size_t index);
  /// Every intermediate result, which the way up takes again, is appended to `skips`.
  at::Tensor forward(at::Tensor x, const VideoUNetContext& context, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<VideoUNetLayer> layers_;
  std::optional<nn::Downsample> downsample_;
};

class VideoMidBlock {
 public:
  VideoMidBlock(const Scope& scope, const UNetConfig& config);
  at::Tensor forward(const at::Tensor& x, const VideoUNetContext& context) const;

 private:
  VideoUNetLayer first_;
  nn::SpatioTemporalResnet second_;
};

class VideoUpBlock {
 public:
  /// `index` counts upwards: 0 is the deepest block.
  VideoUpBlock(const Scope& scope, const UNetConfig& config, size_t index);
  /// Takes what it needs from the end of `skips`.
  at::Tensor forward(at::Tensor x, const VideoUNetContext& context, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<VideoUNetLayer> layers_;
  std::optional<nn::Upsample> upsample_;
};

}  // namespace cameo::models
