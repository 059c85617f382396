#pragma once

#include <variant>
#include <vector>

#include "nn/layers.h"

namespace cameo::models {

/// How a picture becomes tokens that a cross-attention reads, and of which sizes.
struct ImageProjectionConfig {
  enum class Kind {
    Plain,  // of what CLIP embeds the picture as, by a linear layer
    Plus,   // of CLIP's states of its parts, by a resampler
    Full,   // of these states, one token each, by a two-layer perceptron
  };

  Kind kind = Kind::Plain;
  int64_t image_dim = 1024;     // of what CLIP gives
  int64_t context_dim = 768;    // of a token
  int64_t tokens = 4;           // from a picture, but of Full
  int64_t hidden = 1024;        // of the resampler, or within the perceptron
  int64_t layers = 4;           // of the resampler, as are the next two
  int64_t heads = 12;           // of head_dim numbers each
  int64_t head_dim = 64;        // in every file of IP-Adapter
  int64_t feed_forward = 3072;  // within its feed-forward
};

/// embeds (N, image_dim) -> (N, tokens, context_dim).
class LinearImageProjection {
 public:
  LinearImageProjection(const Scope& scope, const ImageProjectionConfig& config);
  at::Tensor forward(const at::Tensor& embeds) const;

 private:
  int64_t tokens_;
  nn::Linear image_embeds_;
  nn::LayerNorm norm_;
};

/// One layer of the resampler: its tokens read the picture's states and themselves.
class ResamplerLayer {
 public:
  ResamplerLayer(const Scope& scope, const ImageProjectionConfig& config);
  /// states (N, L, hidden), tokens (N, T, hidden) -> like tokens.
  at::Tensor forward(const at::Tensor& states, const at::Tensor& tokens) const;

 private:
  int64_t heads_;
  nn::LayerNorm ln0_, ln1_;
  nn::Linear to_q_, to_k_, to_v_, to_out_;
  nn::LayerNorm norm_;
  nn::Linear proj_, out_;
};

/// Learned tokens that read a picture's states (arXiv 2204.14198, section 3.1): (N, L, image_dim) ->
/// (N, tokens, context_dim).
class Resampler {
 public:
  Resampler(const Scope& scope, const ImageProjectionConfig& config);
  at::Tensor forward(const at::Tensor& states) const;

 private:
  const Parameter& latents_;
  nn::Linear proj_in_, proj_out_;
  nn::LayerNorm norm_out_;
  std::vector<ResamplerLayer> layers_;
};

/// (N, L, image_dim) -> (N, L, context_dim).
class PerceptronImageProjection {
 public:
  PerceptronImageProjection(const Scope& scope, const ImageProjectionConfig& config);
  at::Tensor forward(const at::Tensor& states) const;

 private:
  nn::Linear proj_, out_;
  nn::LayerNorm norm_;
};

/// Its parameters have diffusers' names.
using ImageProjection = std::variant<LinearImageProjection, Resampler, PerceptronImageProjection>;

ImageProjection makeImageProjection(const Scope& scope, const ImageProjectionConfig& config);

}  // namespace cameo::models
