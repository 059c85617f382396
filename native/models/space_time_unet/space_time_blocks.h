#pragma once

#include <optional>
#include <vector>

#include "models/unet_config.h"
#include "nn/motion.h"
#include "nn/resnet.h"
#include "nn/spatio_temporal_resnet.h"
#include "nn/transformer_2d.h"

namespace cameo::models {

/// A UNet as ModelScope's (arXiv 2308.06571): each layer is a resnet block and convolutions over time, then a
/// transformer over each frame and one over time.
struct SpaceTimeConfig {
  UNetConfig unet;
  int64_t head_dim = 64;  // of every attention; heads are as many as fit into a level's channels

  int64_t headsAt(size_t level) const { return unet.block_out_channels[level] / head_dim; }

  /// Throws `ErrorCode::WeightsFormat`.
  static SpaceTimeConfig read(const Config& config, const UNetConfig::BlockNames& down,
                              const UNetConfig::BlockNames& up);
};

/// What every block of one evaluation shares.
struct SpaceTimeContext {
  at::Tensor time;  // (B, 4 * block_out_channels[0])
  nn::CrossSources sources;
  int64_t frames = 1;  // F
};

/// x (B*F, C, h, w).
struct SpaceTimeLayer {
  nn::ResnetBlock resnet;
  nn::TemporalConvBlock convolutions;
  std::optional<nn::Transformer2D> attention;
  std::optional<nn::MotionModule> temporal_attention;

  at::Tensor forward(const at::Tensor& x, const SpaceTimeContext& context) const;
};

/// A transformer over time with so many heads.
nn::MotionModule temporalTransformer(const Scope& scope, const SpaceTimeConfig& config, int64_t channels,
                                     int64_t heads);

class SpaceTimeDownBlock {
 public:
  SpaceTimeDownBlock(const Scope& scope, const SpaceTimeConfig& config, size_t index);
  /// Every intermediate result, which the way up takes again, is appended to `skips`.
  at::Tensor forward(at::Tensor x, const SpaceTimeContext& context, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<SpaceTimeLayer> layers_;
  std::optional<nn::Downsample> downsample_;
};

class SpaceTimeMidBlock {
 public:
  SpaceTimeMidBlock(const Scope& scope, const SpaceTimeConfig& config);
  at::Tensor forward(const at::Tensor& x, const SpaceTimeContext& context) const;

 private:
  SpaceTimeLayer first_;
  SpaceTimeLayer second_;  // without attention
};

class SpaceTimeUpBlock {
 public:
  /// `index` counts upwards: 0 is the deepest block.
  SpaceTimeUpBlock(const Scope& scope, const SpaceTimeConfig& config, size_t index);
  /// Takes what it needs from the end of `skips`.
  at::Tensor forward(at::Tensor x, const SpaceTimeContext& context, std::vector<at::Tensor>& skips) const;

 private:
  std::vector<SpaceTimeLayer> layers_;
  std::optional<nn::Upsample> upsample_;
};

/// The way down, the middle and the way up.
class SpaceTimeBlocks {
 public:
  SpaceTimeBlocks(const Scope& scope, const SpaceTimeConfig& config);
  /// x (B*F, block_out_channels[0], h, w) -> like x.
  at::Tensor forward(at::Tensor x, const SpaceTimeContext& context) const;

 private:
  std::vector<SpaceTimeDownBlock> down_blocks_;
  SpaceTimeMidBlock mid_block_;
  std::vector<SpaceTimeUpBlock> up_blocks_;
};

}  // namespace cameo::models
