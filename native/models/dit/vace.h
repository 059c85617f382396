#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/dit/wan_transformer.h"

namespace cameo::models {

/// What diffusers' WanVACETransformer3DModel has beside Wan's transformer.
struct VaceConfig {
  std::vector<int64_t> layers;  // of the transformer, after which a block adds its hint; rising from 0
  int64_t in_channels = 96;

  /// Throws `ErrorCode::WeightsFormat`.
  static VaceConfig read(const Config& config, const WanConfig& transformer);
};

/// VACE's context blocks (arXiv 2503.07598): they see the transformer's tokens as these begin, and what is
/// known of the film.
class Vace {
 public:
  Vace(const WanConfig& transformer, const VaceConfig& config);

  /// What is known, (1, F, in_channels, h, w) -> (1, L, dim), as the first block adds it to the tokens.
  at::Tensor embed(const at::Tensor& known) const;
  WanReads read(const WanContext& context) const;
  /// x (B, L, dim) through the `index`-th block, which may write into it.
  at::Tensor forward(int64_t index, const at::Tensor& x, const WanState& state, const WanReads& texts) const;
  /// What that block adds to the transformer's tokens, of what it came to.
  at::Tensor hint(int64_t index, const at::Tensor& x) const { return hints_[index].forward(x); }

  const VaceConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  VaceConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  PatchEmbedding patches_;
  std::vector<WanBlock> blocks_;
  nn::Linear proj_in_;             // the first block's
  std::vector<nn::Linear> hints_;  // each block's
};

/// VACE's hints for a film, or for one of its windows after another. A block is computed when the transformer
/// comes to its layer, so that one hint is there at a time.
class VaceHints : public WanHints {
 public:
  /// `scale` is how far hints count. `vace` has to outlive it.
  VaceHints(const Vace& vace, WanReads texts, double scale);

  /// From here on the blocks see this of the latents that the transformer takes, (1, F, in_channels, h, w).
  void see(const at::Tensor& known) { known_ = vace_.embed(known); }
  void begin(const at::Tensor& x, const WanState& state) override;
  at::Tensor after(int64_t index, const at::Tensor& x) override;

 private:
  const Vace& vace_;
  WanReads texts_;
  double scale_;
  at::Tensor known_;  // (1, L, dim)

  // Of the evaluation that was begun.
  std::optional<WanState> state_;
  at::Tensor tokens_;  // (B, L, dim), as the last block left them
  size_t next_ = 0;    // block
};

}  // namespace cameo::models
