#pragma once

#include <vector>

#include "core/config.h"
#include "nn/layers.h"

namespace cameo::models {

/// diffusers' AutoencoderKLCogVideoX; lists have one entry per block, from the picture inwards.
struct CausalVaeConfig {
  int64_t image_channels = 3;
  int64_t latent_channels = 16;
  std::vector<int64_t> block_out_channels = {128, 256, 256, 512};
  int64_t layers_per_block = 3;
  int64_t groups = 32;
  double eps = 1e-6;  // of the norms that aren't conditioned on latents
  nn::Activation activation = nn::Activation::Silu;
  int64_t time_scale = 4;  // how many frames a latent stands for, but the first one
  bool quant_conv = false;
  bool post_quant_conv = false;
  double scaling_factor = 1.15258426;
  bool invert_scale_latents = false;  // latents of a picture that conditions are divided by that factor
  int64_t tile_height = 240;          // pixels
  int64_t tile_width = 360;
  bool force_upcast = true;  // its activations go beyond what fp16 holds

  /// How many pixels one latent stands for, in each direction.
  int64_t scale() const { return int64_t{1} << (block_out_channels.size() - 1); }
  /// How often time is halved.
  int64_t timeLevels() const;

  /// What it computes in where a pipeline computes in `asked`: fp32 in place of fp16 with `force_upcast`.
  c10::ScalarType dtypeFor(c10::ScalarType asked) const {
    return asked == c10::kHalf && force_upcast ? c10::kFloat : asked;
  }

  /// Throws `ErrorCode::WeightsFormat`.
  static CausalVaeConfig read(const Config& config);
};

/// Of the norms that are conditioned on latents, and of the last ones.
inline constexpr double kCausalVaeEps = 1e-6;

}  // namespace cameo::models
