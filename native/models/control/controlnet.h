#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/control/control_config.h"
#include "models/control/residuals.h"
#include "models/unet_blocks.h"
#include "nn/embeddings.h"

namespace cameo::models {

/// Makes a condition as large as the UNet's outermost features: convolutions from pixels, each second one of
/// which halves the size, or a single one from latents.
class ConditionEmbedding {
 public:
  ConditionEmbedding(const Scope& scope, const ControlConfig& config);

  /// condition (N, channels, H, W) -> (N, block_out_channels[0], h, w).
  at::Tensor forward(const at::Tensor& condition) const;

 private:
  std::vector<nn::Conv2d> convolutions_;
};

struct ControlInput {
  at::Tensor images;      // (B, F, in_channels, h, w): the frames' noisy latents
  at::Tensor embedded;    // (F, block_out_channels[0], h, w): of the frames' conditions, by `embed`
  at::Tensor timesteps;   // (B)
  at::Tensor text;        // as UNetInput has it
  double scale = 1;       // of all that comes out
  bool by_depth = false;  // less of the outer layers: a tenth, and more with each to all of the middle's
  size_t skips = 0;  // how many residuals of the outermost block's layers are enough; 0: all are asked for
};

/// A copy of a UNet's way down and middle that reads a condition, and whose results are added to the UNet's.
class ControlNet {
 public:
  explicit ControlNet(const ControlConfig& config);

  /// What a request has to compute once. condition (N, C, H, W): RGB pixels from 0 to 1, or scaled latents;
  /// mask (N, 1, H, W) where the config takes one: 1 for frames that have a condition.
  at::Tensor embed(const at::Tensor& condition, const at::Tensor& mask = {}) const;
  ControlResiduals forward(const ControlInput& input) const;

  /// How many residuals the way down has.
  size_t skips() const { return zeros_.size(); }
  const ControlConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  ControlResiduals weighed(const std::vector<at::Tensor>& skips, const at::Tensor& mid,
                           const ControlInput& input) const;

  ControlConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  nn::Conv2d conv_in_;
  nn::TimestepEmbedding time_embedding_;
  ConditionEmbedding embedding_;
  std::vector<DownBlock> down_blocks_;
  std::optional<MidBlock> mid_block_;
  std::vector<nn::Conv2d> zeros_;  // zero before training: one for each result of the way down
  nn::Conv2d mid_zero_;
};

}  // namespace cameo::models
