#pragma once

#include <vector>

#include "core/config.h"
#include "nn/layers.h"
#include "nn/resnet.h"

namespace cameo::models {

/// diffusers' AutoencoderKL and AutoencoderKLTemporalDecoder; lists have one entry per block, from the
/// picture inwards.
struct VaeConfig {
  int64_t image_channels = 3;
  int64_t latent_channels = 4;
  std::vector<int64_t> block_out_channels = {128, 256, 512, 512};
  int64_t layers_per_block = 2;
  int64_t groups = 32;
  nn::Activation activation = nn::Activation::Silu;
  bool mid_attention = true;
  bool quant_conv = true;
  bool post_quant_conv = true;
  bool temporal_decoder = false;  // it decodes a film's frames together
  double scaling_factor = 0.18215;
  double shift_factor = 0;
  int64_t sample_size = 512;  // pixels; also the size of a tile
  bool force_upcast = true;   // its activations go beyond what fp16 holds

  /// How many pixels one latent stands for, in each direction.
  int64_t scale() const { return int64_t{1} << (block_out_channels.size() - 1); }

  /// What it computes in where a pipeline computes in `asked`: fp32 in place of fp16 with `force_upcast`.
  c10::ScalarType dtypeFor(c10::ScalarType asked) const {
    return asked == c10::kHalf && force_upcast ? c10::kFloat : asked;
  }

  /// Throws `ErrorCode::WeightsFormat`.
  static VaeConfig read(const Config& config);
};

/// Of a VAE's norms.
inline constexpr double kVaeEps = 1e-6;

/// Of one of its blocks over pictures.
nn::ResnetConfig vaeResnet(const VaeConfig& config, int64_t in, int64_t out);

}  // namespace cameo::models
