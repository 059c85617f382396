#pragma once

#include <memory>
#include <vector>

#include "models/dit/wan_block.h"
#include "nn/embeddings.h"
#include "nn/recompute.h"

namespace cameo::models {

/// What a network beside the transformer adds to its tokens, as VACE's context blocks do.
class WanHints {
 public:
  virtual ~WanHints() = default;
  /// Before the first layer, of an evaluation's tokens x (B, L, dim), which are not to be written into.
  virtual void begin(const at::Tensor& x, const WanState& state) = 0;
  /// x (B, L, dim) as it is after layer `index`, with what is added to it there.
  virtual at::Tensor after(int64_t index, const at::Tensor& x) = 0;
};

/// What the layers read of a request's texts, computed once.
struct WanReads {
  std::vector<WanRead> layers;
};

struct WanInput {
  at::Tensor latents;    // (B, F, in_channels, h, w)
  at::Tensor timesteps;  // (B), or (1): one for all
  const WanReads& texts;
  at::Tensor reads = {};  // as in `WanState`
  WanHints* hints = nullptr;
  bool recompute = false;  // gradient checkpointing, by block
};

/// Wan 2.1's transformer (arXiv 2503.20314).
class WanTransformer {
 public:
  explicit WanTransformer(const WanConfig& config);

  /// Of texts' states (T, S, text_dim), for `read` and a network's hints. The equal states with which padded
  /// texts end become one token.
  WanContext embedTexts(const at::Tensor& states) const;
  WanReads read(const WanContext& context) const;
  /// -> (B, F, out_channels, h, w). The patch divides h and w. Throws `ErrorCode::Aborted` within a block
  /// after a cancellation.
  at::Tensor forward(const WanInput& input) const;

  /// How many tokens a film has along each axis.
  TokenGrid grid(const at::Tensor& latents) const;
  const std::vector<WanBlock>& blocks() const { return blocks_; }
  const WanConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  /// The block's result, without keeping what happens inside for the backward pass.
  at::Tensor recomputed(int64_t index, const at::Tensor& x, const WanState& state, const WanRead& read) const;
  /// Of an embedded time (B, dim).
  at::Tensor outputOf(const at::Tensor& x, const at::Tensor& time, const TokenGrid& grid) const;

  WanConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  PatchEmbedding patches_;
  nn::TimestepEmbedding time_embedding_;
  nn::Linear time_proj_;
  nn::Linear text_1_, text_2_;
  std::vector<WanBlock> blocks_;
  std::vector<nn::ParameterRange> ranges_;  // of the blocks
  const Parameter& out_table_;              // (1, 2, dim)
  nn::Linear proj_out_;
};

/// What turns queries and keys by the places of a film's tokens, which count from 0 along each axis.
Rotary wanRotary(const WanConfig& config, const TokenGrid& grid, at::Device device);

}  // namespace cameo::models
