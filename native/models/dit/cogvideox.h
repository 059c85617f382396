#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/dit/cogvideox_config.h"
#include "models/dit/head_norm.h"
#include "models/dit/modulation.h"
#include "nn/embeddings.h"
#include "nn/feed_forward.h"
#include "nn/recompute.h"

namespace cameo::models {

/// What a block's norm makes of a time, apart for the text's tokens and the film's.
class CogVideoXNorm {
 public:
  CogVideoXNorm(const Scope& scope, const CogVideoXConfig& config);

  struct Modulations {
    Modulation text, film;
  };
  /// Of an activated time embedding (B, time_channels).
  Modulations modulations(const at::Tensor& time) const;
  const ModulatedNorm& norm() const { return norm_; }

 private:
  nn::Linear linear_;
  ModulatedNorm norm_;
};

/// Self-attention over a text and a film at once; heads' queries and keys are normalised, the film's turned
/// by their places.
class JointAttention {
 public:
  JointAttention(const Scope& scope, const CogVideoXConfig& config);
  /// x (B, text + L, dim).
  at::Tensor forward(const at::Tensor& x, int64_t text, const Rotary* rotary) const;

 private:
  int64_t heads_;
  nn::Linear to_q_, to_k_, to_v_, to_out_;
  HeadNorm norm_q_, norm_k_;
};

class CogVideoXBlock {
 public:
  CogVideoXBlock(const Scope& scope, const CogVideoXConfig& config);
  /// x (B, text + L, dim), in place.
  void forward(const at::Tensor& x, int64_t text, const at::Tensor& time, const Rotary* rotary) const;
  /// The same for a backward pass: x stays.
  at::Tensor differentiable(const at::Tensor& x, int64_t text, const at::Tensor& time,
                            const Rotary* rotary) const;
  /// The tensors of the block that take gradients.
  std::vector<at::Tensor> trained() const { return parameters_.trained(); }

 private:
  nn::ParameterRange parameters_;
  CogVideoXNorm norm1_;
  JointAttention attention_;
  CogVideoXNorm norm2_;
  nn::FeedForward feed_forward_;
};

struct CogVideoXInput {
  at::Tensor latents;            // (B, F, in_channels, h, w)
  at::Tensor timesteps;          // (B)
  at::Tensor text;               // (B, text_tokens, text_dim)
  std::optional<double> offset;  // of a network that is told one
  bool recompute = false;        // gradient checkpointing, by block
};

/// CogVideoX's transformer.
class CogVideoX {
 public:
  explicit CogVideoX(const CogVideoXConfig& config);

  /// -> (B, F, out_channels, h, w). The patch divides F, h and w. Throws `ErrorCode::Aborted` within a block
  /// after a cancellation.
  at::Tensor forward(const CogVideoXInput& input) const;

  const CogVideoXConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  at::Tensor timeOf(const CogVideoXInput& input) const;
  at::Tensor tokensOf(const CogVideoXInput& input, const TokenGrid& grid) const;
  void addPositions(const at::Tensor& tokens, const TokenGrid& grid, int64_t frames) const;
  at::Tensor throughBlocks(at::Tensor tokens, const CogVideoXInput& input, const at::Tensor& time,
                           const std::optional<Rotary>& rotary) const;
  at::Tensor outputOf(const at::Tensor& film, const at::Tensor& time) const;

  CogVideoXConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  PatchEmbedding patches_;
  nn::Linear text_proj_;
  const Parameter* positions_;  // (1, text_tokens + L, dim), or null
  nn::TimestepEmbedding time_embedding_;
  std::optional<nn::TimestepEmbedding> offset_embedding_;
  std::vector<CogVideoXBlock> blocks_;
  ModulatedNorm norm_final_;
  nn::Linear norm_out_linear_;
  ModulatedNorm norm_out_;
  nn::Linear proj_out_;
};

/// The turns of a film's tokens. 1.0 stretches the grid over the one it was trained on, as far as its shape
/// goes into that; 1.5 counts from the corner.
Rotary cogVideoXRotary(const CogVideoXConfig& config, const TokenGrid& grid, at::Device device);

}  // namespace cameo::models
