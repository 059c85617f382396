#pragma once

#include <memory>
#include <vector>

#include "models/cross_attentions.h"
#include "models/image_projection.h"
#include "nn/image_prompt.h"

namespace cameo::models {

/// IP-Adapter (arXiv 2308.06721): pictures as a prompt beside the text, of a UNet with these
/// cross-attentions. Where their scales are learned (DynamiCrafter, arXiv 2310.12190), each is 1 + tanh of a
/// number.
class IpAdapter {
 public:
  IpAdapter(const ImageProjectionConfig& config, const std::vector<CrossAttention>& attentions,
            bool learned_scales = false);

  /// What CLIP makes of pictures, as the kind of projection takes it -> (N, T, context_dim).
  at::Tensor tokens(const at::Tensor& pictures) const;
  /// Keys and values of tokens (B, T, context_dim) for each cross-attention.
  nn::ImagePrompts prompts(const at::Tensor& tokens) const;

  const ImageProjectionConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  struct KeysAndValues {
    nn::Linear to_k, to_v;
    const Parameter* alpha;  // (1); null: the scale is 1
  };

  ImageProjectionConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  ImageProjection projection_;
  std::vector<KeysAndValues> attentions_;
};

}  // namespace cameo::models
