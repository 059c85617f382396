#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/unet_config.h"
#include "nn/embeddings.h"
#include "nn/motion.h"
#include "nn/recompute.h"
#include "nn/resnet.h"
#include "nn/transformer_2d.h"

namespace cameo::models {

/// Of a UNet's embedding of the time.
nn::TimestepEmbeddingConfig timeConfig(const UNetConfig& config);

/// What every block of one evaluation shares.
struct UNetContext {
  at::Tensor time;  // (B, 4 * block_out_channels[0])
  nn::CrossSources sources;
  nn::FrameLayout layout;
  int64_t still_rows = 0;  // of the batch, the first ones, whose motion modules are left out
  std::shared_ptr<const nn::Regions> regions = nullptr;
  std::vector<std::vector<double>> reference_strengths = {};  // as in UNetInput
  double token_merging = 0;                                   // the ratio of nn::TokenMerging
  nn::MotionOptions motion = {};
  bool recompute = false;  // activations inside a layer are not kept for the backward pass

  /// Of spatial attention at `level`, which counts blocks downwards, for x (B*(F+R), C, h, w).
  nn::FrameLayout layoutAt(size_t level, const at::Tensor& x) const;
};

/// The parts of one layer: a resnet block, then a spatial transformer and a motion module where there are.
struct UNetLayer {
  nn::ResnetBlock resnet;
  std::optional<nn::Transformer2D> attention;
  std::optional<nn::MotionModule> motion;
  nn::ParameterRange parameters;
  size_t level = 0;  // counts blocks downwards

  at::Tensor forward(const at::Tensor& x, const UNetContext& context) const;
};

class DownBlock {
 public:
  DownBlock(const Scope& scope, const UNetConfig& config, size_t index);

  /// Every intermediate result, which the way up takes again, is appended to `skips`.
  at::Tensor forward(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips) const;
  /// The first `count` layers alone.
  at::Tensor runLayers(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips,
                       size_t count) const;

 private:
  std::vector<UNetLayer> layers_;
  std::optional<nn::Downsample> downsample_;
};

class MidBlock {
 public:
  MidBlock(const Scope& scope, const UNetConfig& config);
  at::Tensor forward(const at::Tensor& x, const UNetContext& context) const;

 private:
  nn::ParameterRange parameters_;
  size_t level_;
  nn::ResnetBlock first_;
  nn::Transformer2D attention_;
  std::optional<nn::MotionModule> motion_;
  nn::ResnetBlock second_;
};

class UpBlock {
 public:
  /// `index` counts upwards: 0 is the deepest block.
  UpBlock(const Scope& scope, const UNetConfig& config, size_t index);

  /// Takes what it needs from the end of `skips`.
  at::Tensor forward(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips) const;
  /// The layers `begin` to `end` - 1 alone.
  at::Tensor runLayers(at::Tensor x, const UNetContext& context, std::vector<at::Tensor>& skips, size_t begin,
                       size_t end) const;
  size_t layers() const { return layers_.size(); }

 private:
  std::vector<UNetLayer> layers_;
  std::optional<nn::Upsample> upsample_;
};

}  // namespace cameo::models
