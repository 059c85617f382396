#pragma once

#include <memory>

#include "models/control/residuals.h"
#include "models/unet_blocks.h"
#include "nn/embeddings.h"

namespace cameo::models {

/// Deep features that one evaluation leaves to the next ones (DeepCache, arXiv 2312.00858), since they change
/// little from step to step. Where there are some, only the last `layers` layers of the way up run, and what
/// of the way down these read.
struct FeatureCache {
  size_t layers = 1;    // 1 to layers_per_block[0] + 1: those of the outermost block
  at::Tensor features;  // (B*(F+R), C, h, w), what the first of these layers takes; undefined: run all
};

struct UNetInput {
  at::Tensor images;       // (B, F+R, in_channels, h, w): noisy latents of the frames, then the references'
  int64_t references = 0;  // R; with 1 or more, spatial self-attention is PISA
  at::Tensor timesteps;    // (B)
  at::Tensor text;         // (B, S, cross_attention_dim), or (B, F, S, ...) where each frame has its own
  bool recompute = false;  // keep the layers' inputs only for the backward pass, and run each layer twice
  FeatureCache* cache = nullptr;
  double token_merging = 0;  // the ratio of nn::TokenMerging, in the outermost level that has attention
  ControlResiduals residuals = {};  // of ControlNets, for the frames; empty: none
  int64_t still_rows = 0;           // of the batch, the first ones: without their motion modules
  // Of these frames and references; null: one subject everywhere.
  std::shared_ptr<const nn::Regions> regions = nullptr;
  /// How strongly frames see each reference, 0 (not at all) and up: a list for each level, outermost first,
  /// of which the last holds for deeper ones, too. Empty: 1.
  std::vector<std::vector<double>> reference_strengths = {};
  const nn::ImagePrompts* image_prompts = nullptr;  // one of each of `crossAttentions`
  at::Tensor reference_text = {};  // (B, S, ...): what references read where each frame has its own text
  nn::SubjectWords words = {};     // of those subjects in `regions` that have words, in their order
  nn::MotionOptions motion = {};
};

/// Stable Diffusion's UNet, with AnimateDiff's motion modules where the config has them, and VideoMaker's
/// reference-aware self-attention where the input has references.
class UNet {
 public:
  explicit UNet(const UNetConfig& config);

  /// The prediction for every image, (B, F+R, out_channels, h, w), in the parameters' dtype.
  at::Tensor forward(const UNetInput& input) const;

  const UNetConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  at::Tensor runAll(at::Tensor x, const UNetContext& context, const ControlResiduals& residuals,
                    FeatureCache* cache) const;
  at::Tensor runOutermost(at::Tensor x, const UNetContext& context, const ControlResiduals& residuals,
                          const FeatureCache& cache) const;

  UNetConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  nn::Conv2d conv_in_;
  nn::TimestepEmbedding time_embedding_;
  std::vector<DownBlock> down_blocks_;
  std::optional<MidBlock> mid_block_;
  std::vector<UpBlock> up_blocks_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

}  // namespace cameo::models
