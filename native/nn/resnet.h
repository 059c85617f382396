#pragma once

#include <optional>

#include "nn/layers.h"

namespace cameo::nn {

struct ResnetConfig {
  int64_t in = 0;
  int64_t out = 0;
  int64_t time_channels = 0;  // 0: no timestep embedding, as in a VAE
  int64_t groups = 32;
  double eps = 1e-5;
  Activation activation = Activation::Silu;
  double output_scale = 1;  // the sum is divided by it
};

/// norm, activation, convolution, twice, with the timestep added in between and a residual around:
/// x (N, in, H, W), time (B, time_channels) with B dividing N -> (N, out, H, W).
class ResnetBlock {
 public:
  ResnetBlock(const Scope& scope, const ResnetConfig& config);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& time = {}) const;

 private:
  ResnetConfig config_;
  GroupNorm norm1_;
  Conv2d conv1_;
  std::optional<Linear> time_emb_proj_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> conv_shortcut_;  // where the number of channels changes
};

/// Halves height and width by a strided convolution. `padding` 0 pads right and bottom only, as VAEs do.
class Downsample {
 public:
  Downsample(const Scope& scope, int64_t channels, int64_t padding);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  bool asymmetric_;
  Conv2d conv_;
};

/// Nearest neighbour, then a convolution.
class Upsample {
 public:
  Upsample(const Scope& scope, int64_t channels);
  at::Tensor forward(const at::Tensor& x, int64_t height, int64_t width) const;
  at::Tensor forward(const at::Tensor& x) const { return forward(x, 2 * x.size(2), 2 * x.size(3)); }

 private:
  Conv2d conv_;
};

}  // namespace cameo::nn
