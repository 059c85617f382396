#pragma once

#include <memory>
#include <vector>

#include "core/config.h"
#include "models/clip_layer.h"

namespace cameo::models {

/// transformers' CLIPVisionModelWithProjection.
struct ClipVisionConfig {
  int64_t hidden_size = 1280;
  int64_t intermediate_size = 5120;
  int64_t layers = 32;
  int64_t heads = 16;
  int64_t image_size = 224;  // of the square pictures that it reads
  int64_t patch_size = 14;
  int64_t projection_dim = 1024;
  double eps = 1e-5;
  nn::Activation activation = nn::Activation::Gelu;

  /// Patches, and one token of the whole picture before them.
  int64_t tokens() const { return 1 + (image_size / patch_size) * (image_size / patch_size); }
  ClipLayerConfig layer() const { return {hidden_size, intermediate_size, heads, eps, activation}; }

  /// Throws `ErrorCode::WeightsFormat`.
  static ClipVisionConfig read(const Config& config);
};

/// The image half of CLIP (arXiv 2103.00020). It reads pictures (N, 3, image_size, image_size) as
/// `clipPixels` gives them.
class ClipVision {
 public:
  explicit ClipVision(const ClipVisionConfig& config);

  /// What stands for each picture beside texts: (N, projection_dim).
  at::Tensor embed(const at::Tensor& pixels) const;
  /// The states of a picture's parts, without the final norm: (N, tokens, hidden_size). `skipped` last layers
  /// are left out.
  at::Tensor states(const at::Tensor& pixels, int64_t skipped = 0) const;

  const ClipVisionConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  ClipVisionConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  const Parameter& class_embedding_;
  const Parameter& patch_embedding_;
  const Parameter& position_embedding_;
  nn::LayerNorm pre_layernorm_;
  std::vector<ClipLayer> layers_;
  nn::LayerNorm post_layernorm_;
  nn::Linear visual_projection_;
};

}  // namespace cameo::models
