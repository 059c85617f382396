#pragma once

#include <memory>
#include <optional>

#include "models/dit/wan_config.h"
#include "nn/layers.h"

namespace cameo::models {

/// What makes, of CLIP's states of one picture or two, the tokens that Wan's cross-attention reads beside the
/// text: diffusers' WanImageEmbedding. It is for configs with `image_dim`.
class WanImage {
 public:
  explicit WanImage(const WanConfig& config);

  /// States (N, tokens, image_dim) of a request's pictures -> (1, N * tokens, dim).
  at::Tensor forward(const at::Tensor& states) const;

  ParameterSet& parameters() { return *parameters_; }

 private:
  std::unique_ptr<ParameterSet> parameters_;
  nn::LayerNorm norm_in_;
  nn::Linear proj_;
  nn::Linear out_;
  nn::LayerNorm norm_out_;
  const Parameter* positions_ = nullptr;  // of two pictures' tokens
};

/// What the names of its tensors begin with.
inline constexpr std::string_view kWanImage = "condition_embedder.image_embedder.";

}  // namespace cameo::models
