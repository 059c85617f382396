#pragma once

#include <optional>
#include <vector>

#include "models/wan_vae/wan_vae_config.h"
#include "nn/causal_convolution.h"
#include "nn/layers.h"

namespace cameo::models {

/// Divides each position by the root of its mean square over channels, (arXiv 1910.07467), times a weight.
class WanNorm {
 public:
  /// `dims`: of those after the channels that the weight is stored with.
  WanNorm(const Scope& scope, int64_t channels, int64_t dims = 3);
  /// x (T, C, H, W), channels-last.
  at::Tensor forward(const at::Tensor& x) const;
  /// With SiLU after it, in the last frames of room for a causal convolution.
  at::Tensor forwardSilu(const at::Tensor& x) const;

 private:
  const Parameter& gamma_;
};

class WanResnet {
 public:
  WanResnet(const Scope& scope, int64_t in, int64_t out);
  at::Tensor forward(const at::Tensor& x, nn::ChunkHistory& history) const;

 private:
  WanNorm norm1_;
  nn::CausalConv3d conv1_;
  WanNorm norm2_;
  nn::CausalConv3d conv2_;
  std::optional<nn::PointwiseConv> shortcut_;  // where the number of channels changes
};

/// Single-headed self-attention of each frame's positions.
class WanAttention {
 public:
  WanAttention(const Scope& scope, int64_t channels);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  WanNorm norm_;
  nn::PointwiseConv to_qkv_;
  nn::PointwiseConv proj_;
};

/// A convolution over three frames at each position.
class WanTimeConv {
 public:
  WanTimeConv(const Scope& scope, int64_t in, int64_t out);
  /// x (T, in, H, W), of every `stride`-th frame from the third on, (n, H, W, out).
  at::Tensor forward(const at::Tensor& x, int64_t stride) const;

 private:
  const Parameter& weight_;
  const Parameter& bias_;
};

/// Halves height and width, and where asked time, by a convolution over it; a film's first frame stays.
class WanDownsample {
 public:
  WanDownsample(const Scope& scope, int64_t channels, bool over_time);
  at::Tensor forward(const at::Tensor& x, nn::ChunkHistory& history) const;

 private:
  nn::Conv2d conv_;
  std::optional<WanTimeConv> time_conv_;
};

/// Doubles height and width with half the channels, and where asked time before; a film's first frame stays.
class WanUpsample {
 public:
  WanUpsample(const Scope& scope, int64_t channels, bool over_time);
  at::Tensor forward(const at::Tensor& x, nn::ChunkHistory& history) const;

 private:
  nn::Conv2d conv_;
  std::optional<WanTimeConv> time_conv_;
};

}  // namespace cameo::models
