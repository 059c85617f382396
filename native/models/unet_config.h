#pragma once

#include <optional>
#include <vector>

#include "core/config.h"
#include "nn/layers.h"

namespace cameo::models {

/// AnimateDiff's motion modules within a UNet; lists have one entry per block, downwards.
struct MotionConfig {
  std::vector<int64_t> heads;
  std::vector<int64_t> layers;  // transformer blocks in each motion module
  int64_t max_images = 32;
  bool mid_block = false;
  int64_t mid_layers = 1;
  int64_t attentions = 2;  // see nn::MotionConfig
};

/// A Stable Diffusion 1.x or 2.x UNet; lists have one entry per block, downwards.
struct UNetConfig {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  std::vector<int64_t> block_out_channels = {320, 640, 1280, 1280};
  std::vector<int64_t> layers_per_block = {2, 2, 2, 2};
  std::vector<bool> down_attention = {true, true, true, false};
  std::vector<bool> up_attention = {false, true, true, true};  // upwards
  std::vector<int64_t> heads = {8, 8, 8, 8};
  std::vector<int64_t> transformer_layers = {1, 1, 1, 1};
  std::vector<int64_t> cross_attention_dim = {768, 768, 768, 768};
  int64_t mid_transformer_layers = 1;
  int64_t groups = 32;
  double eps = 1e-5;
  nn::Activation activation = nn::Activation::Silu;
  bool linear_projection = false;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  int64_t downsample_padding = 1;
  double mid_output_scale = 1;
  std::vector<int64_t> sample_size = {64, 64};  // height and width of the latents it was trained on
  bool reference_cross_attention = true;  // a subject model's: whether references attend to the text, too
  std::optional<MotionConfig> motion;

  size_t blocks() const { return block_out_channels.size(); }

  /// What block types are called in a config.
  struct BlockNames {
    const char* plain;
    const char* attending;
  };
  /// What a config says of the way down and the middle, which is all that a ControlNet has of a UNet.
  static UNetConfig readWayDown(const Config& config, const BlockNames& names,
                                int64_t cross_attention_dim = 1280, bool with_heads = true);
  /// The same, and what it says of the way up. Heads may be left to the caller.
  static UNetConfig readBothWays(const Config& config, const BlockNames& down, const BlockNames& up,
                                 int64_t cross_attention_dim = 1280, bool with_heads = true);

  /// From diffusers' UNet2DConditionModel config and, where there are motion modules, a MotionAdapter's.
  /// Throws `ErrorCode::WeightsFormat` for an architecture that is not one of these, and
  /// `ErrorCode::WeightsMismatch` where the two do not fit.
  static UNetConfig read(const Config& unet, const Config* motion);
};

}  // namespace cameo::models
