#pragma once

#include <optional>
#include <vector>

#include "nn/attention.h"
#include "nn/feed_forward.h"
#include "nn/motion_windows.h"

namespace cameo::nn {

struct MotionConfig {
  int64_t channels = 0;
  int64_t heads = 8;
  int64_t layers = 1;
  int64_t groups = 32;
  int64_t max_images = 32;  // positions in time; 0: tokens don't know theirs
  int64_t attentions = 2;   // in each block: AnimateDiff has 2, SparseCtrl 1
  int64_t head_dim = 0;     // 0: a head's share of the channels

  int64_t headDim() const { return head_dim > 0 ? head_dim : channels / heads; }
  /// How wide tokens are within the blocks.
  int64_t inner() const { return heads * headDim(); }
};

/// How a request wants motion modules to act.
struct MotionOptions {
  double scale = 1;  // of what a module changes: 0 leaves each image as it is
  MotionWindows windows = {};
  int64_t references = 0;  // how many of a sample's images, the last ones, are in every window
};

/// One or two self-attentions over time, each after a norm and, where there are some, position codes, and a
/// feed-forward.
class MotionTransformerBlock {
 public:
  MotionTransformerBlock(const Scope& scope, const MotionConfig& config);

  /// x (B*h*w, F+R, inner) -> like x.
  at::Tensor forward(const at::Tensor& x, const MotionOptions& options) const;

 private:
  at::Tensor withPositions(at::Tensor x) const;
  at::Tensor attend(const at::Tensor& x) const;

  const Parameter* positions_;  // (1, max_images, inner); null: none
  LayerNorm norm1_;
  Attention attn1_;
  std::optional<LayerNorm> norm2_;
  std::optional<Attention> attn2_;
  NormedFeedForward ff_;
};

/// AnimateDiff's motion module (arXiv 2307.04725), and without positions the temporal transformer of
/// ModelScope's UNets (arXiv 2308.06571): every position of the image attends along the sample's images,
/// references last: x (B*images, C, H, W) -> like x.
class MotionModule {
 public:
  MotionModule(const Scope& scope, const MotionConfig& config);
  at::Tensor forward(const at::Tensor& x, int64_t images, const MotionOptions& options = {}) const;

 private:
  GroupNorm norm_;
  Linear proj_in_;
  std::vector<MotionTransformerBlock> blocks_;
  Linear proj_out_;
};

}  // namespace cameo::nn
