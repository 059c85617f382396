#pragma once

#include <optional>
#include <vector>

#include "nn/resnet.h"

namespace cameo::nn {

/// Mixes what a film's frames are by themselves with what they are beside each other, by one learned number.
class AlphaBlender {
 public:
  /// The number's sigmoid is the share of `spatial`; `switched`: of `temporal`.
  explicit AlphaBlender(const Scope& scope, bool switched = false);
  /// Both of one shape. May write into `temporal`.
  at::Tensor forward(const at::Tensor& spatial, at::Tensor temporal) const;

 private:
  bool switched_;
  const Parameter& mix_factor_;  // (1)
};

/// A convolution over each frame and its two neighbours, W (out, in, 3, 1, 1); beyond a film's ends there are
/// zeros: x (B, F, n, in) -> (B, F, n, out), n being positions.
class TemporalConv {
 public:
  TemporalConv(const Scope& scope, int64_t in, int64_t out);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  const Parameter& weight_;
  const Parameter& bias_;
};

/// A resnet block along time. A group's statistics are of all frames:
/// x (B, F, n, channels), time (B, time_channels) -> like x.
class TemporalResnetBlock {
 public:
  TemporalResnetBlock(const Scope& scope, int64_t channels, int64_t time_channels, int64_t groups,
                      double eps);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& time) const;

 private:
  GroupNorm norm1_;
  TemporalConv conv1_;
  std::optional<Linear> time_emb_proj_;
  GroupNorm norm2_;
  TemporalConv conv2_;
};

/// Four convolutions over time, each after a norm over all frames and SiLU, with a residual around
/// (ModelScope, arXiv 2308.06571): x (B*F, C, H, W) -> like x.
class TemporalConvBlock {
 public:
  TemporalConvBlock(const Scope& scope, int64_t channels, int64_t groups);
  at::Tensor forward(const at::Tensor& x, int64_t frames) const;

 private:
  struct NormedConv {
    GroupNorm norm;
    TemporalConv conv;
  };
  std::vector<NormedConv> convs_;
};

struct SpatioTemporalResnetConfig {
  ResnetConfig spatial;
  double temporal_eps = 1e-5;
  bool switched = false;  // see AlphaBlender
};

/// A resnet block over each frame, one over time, and both blended:
/// x (B*F, in, H, W), time (B, time_channels) -> (B*F, out, H, W).
class SpatioTemporalResnet {
 public:
  SpatioTemporalResnet(const Scope& scope, const SpatioTemporalResnetConfig& config);
  at::Tensor forward(at::Tensor x, int64_t frames, const at::Tensor& time = {}) const;

 private:
  ResnetBlock spatial_;
  TemporalResnetBlock temporal_;
  AlphaBlender mixer_;
};

}  // namespace cameo::nn
