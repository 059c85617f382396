#pragma once

#include <optional>

#include "core/config.h"
#include "models/dit/patches.h"

namespace cameo::models {

/// diffusers' WanTransformer3DModel.
struct WanConfig {
  int64_t heads = 40;
  int64_t head_size = 128;
  int64_t in_channels = 16;
  int64_t out_channels = 16;
  int64_t text_dim = 4096;
  int64_t time_channels = 256;  // of the sinusoids
  int64_t hidden = 13824;       // of the feed-forward
  int64_t layers = 40;
  PatchSize patch = {};
  int64_t most_places = 1024;  // along each axis
  double eps = 1e-6;
  bool norms_before_text = true;          // with weights of its own
  bool attends_to_image = false;          // cross-attention has keys and values for a picture's tokens, too
  std::optional<int64_t> image_dim = {};  // numbers of each of those tokens
  std::optional<int64_t> image_tokens_pair = {};  // of two pictures, each of which has so many tokens
  /// Of the films that it was trained on, where that is said: latents each way, and frames.
  std::optional<int64_t> sample_width = {}, sample_height = {}, sample_frames = {};

  int64_t dim() const { return heads * head_size; }

  /// Throws `ErrorCode::WeightsFormat`.
  static WanConfig read(const Config& config);
};

}  // namespace cameo::models
