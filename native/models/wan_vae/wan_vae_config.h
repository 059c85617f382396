#pragma once

#include <vector>

#include "core/config.h"

namespace cameo::models {

/// diffusers' AutoencoderKLWan, of Wan 2.1; lists have one entry per block, from the picture inwards.
struct WanVaeConfig {
  int64_t latent_channels = 16;
  std::vector<int64_t> encoder_channels = {96, 192, 384, 384};
  std::vector<int64_t> decoder_channels = {96, 192, 384, 384};
  int64_t layers_per_block = 2;
  std::vector<bool> halves_time = {false, true, true};  // of each block but the last one
  std::vector<double> latents_mean, latents_std;        // of each channel

  /// How many pixels one latent stands for, in each direction.
  int64_t scale() const { return int64_t{1} << (encoder_channels.size() - 1); }
  /// How many frames a latent stands for, but the first one.
  int64_t timeScale() const;

  /// Throws `ErrorCode::WeightsFormat`.
  static WanVaeConfig read(const Config& config);
};

}  // namespace cameo::models
