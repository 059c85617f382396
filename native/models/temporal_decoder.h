#pragma once

#include <optional>
#include <vector>

#include "models/vae_config.h"
#include "nn/attention.h"
#include "nn/spatio_temporal_resnet.h"

namespace cameo::models {

/// The decoder of diffusers' AutoencoderKLTemporalDecoder: blocks over space and time.
class TemporalDecoder {
 public:
  TemporalDecoder(const Scope& scope, const VaeConfig& config);
  /// A film's latents (F, latent_channels, h, w) -> its frames (F, 3, H, W).
  at::Tensor forward(at::Tensor x) const;

 private:
  struct Level {
    std::vector<nn::SpatioTemporalResnet> resnets;
    std::optional<nn::Upsample> upsample;
  };
  at::Tensor middle(at::Tensor x) const;
  /// (F, 3, H, W), each frame with its neighbours.
  at::Tensor overTime(const at::Tensor& x) const;

  nn::Conv2d conv_in_;
  std::vector<nn::SpatioTemporalResnet> mid_resnets_;
  nn::GroupNorm attention_norm_;
  nn::Attention attention_;
  std::vector<Level> levels_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
  nn::TemporalConv time_conv_out_;
};

}  // namespace cameo::models
