#pragma once

#include <optional>
#include <string>

#include "core/config.h"
#include "models/dit/patches.h"
#include "models/dit/positions.h"
#include "nn/layers.h"

namespace cameo::models {

/// diffusers' CogVideoXTransformer3DModel (arXiv 2408.06072).
struct CogVideoXConfig {
  int64_t heads = 30;
  int64_t head_size = 64;
  int64_t in_channels = 16;
  int64_t out_channels = 16;
  int64_t layers = 30;
  int64_t time_channels = 512;
  std::optional<int64_t> offset_channels;  // of the network that is also told an offset; none: it isn't
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  nn::Activation time_activation = nn::Activation::Silu;
  int64_t text_dim = 4096;
  int64_t text_tokens = 226;
  bool attention_bias = true;
  std::string activation = "gelu-approximate";
  bool norm_affine = true;
  double norm_eps = 1e-5;
  PatchSize patch = {};
  bool patches_over_time = false;  // CogVideoX 1.5
  bool patch_bias = true;
  int64_t sample_width = 90, sample_height = 60;  // of the latents it was trained on
  int64_t sample_frames = 49;                     // of a film's pictures
  int64_t frames_per_latent = 4;
  PositionScales scales = {1.875, 1};
  bool rotary = false;
  bool learned_positions = false;

  int64_t dim() const { return heads * head_size; }
  /// How many latents in a row the films of `sample_frames` have.
  int64_t sampleLatents() const { return (sample_frames - 1) / frames_per_latent + 1; }
  TokenGrid sampleGrid() const {
    return tokenGrid({1, patch.side}, sampleLatents(), sample_height, sample_width);
  }

  /// Throws `ErrorCode::WeightsFormat`.
  static CogVideoXConfig read(const Config& config);
};

}  // namespace cameo::models
