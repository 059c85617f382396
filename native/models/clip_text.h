#pragma once

#include <memory>
#include <vector>

#include "core/config.h"
#include "models/clip_layer.h"

namespace cameo::models {

/// transformers' CLIPTextModel.
struct ClipTextConfig {
  int64_t vocab_size = 49408;
  int64_t hidden_size = 768;
  int64_t intermediate_size = 3072;
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t positions = 77;
  double eps = 1e-5;
  nn::Activation activation = nn::Activation::QuickGelu;

  ClipLayerConfig layer() const {
    return {hidden_size, intermediate_size, heads, eps, activation, /*causal=*/true};
  }

  /// Throws `ErrorCode::WeightsFormat`.
  static ClipTextConfig read(const Config& config);
};

/// The text half of CLIP (arXiv 2103.00020), without its last projection.
class ClipText {
 public:
  explicit ClipText(const ClipTextConfig& config);

  /// ids (N, positions), int64 -> the last layer's states after the final norm, (N, positions, hidden_size).
  /// `skipped` last layers are left out.
  at::Tensor forward(const at::Tensor& ids, int64_t skipped = 0) const;

  /// Lays `vectors`, (n, hidden_size), behind the embeddings of the tokens so far, whose ids they go on with.
  void addTokens(const at::Tensor& vectors);
  /// How many there are, with those that were added.
  int64_t tokens() const { return token_embedding_.shape.front(); }

  const ClipTextConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  ClipTextConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  Parameter& token_embedding_;
  const Parameter& position_embedding_;
  std::vector<ClipLayer> layers_;
  nn::LayerNorm final_layer_norm_;
};

}  // namespace cameo::models
