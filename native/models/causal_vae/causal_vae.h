#pragma once

#include <optional>
#include <vector>

#include "models/causal_vae/causal_vae_blocks.h"
#include "models/causal_vae/film_vae.h"

namespace cameo::models {

/// A block's resnets, and what its frames become in size.
struct CausalLevel {
  std::vector<CausalResnet> resnets;
  std::optional<FilmDownsample> downsample;
  std::optional<FilmUpsample> upsample;
};

class CausalEncoder {
 public:
  CausalEncoder(const Scope& scope, const CausalVaeConfig& config);
  /// A chunk's frames (T, 3, H, W) -> (t, 2 latent_channels, h, w).
  at::Tensor forward(const at::Tensor& frames, nn::ChunkHistory& history) const;

 private:
  nn::CausalConv3d conv_in_;
  std::vector<CausalLevel> levels_;
  FilmNorm norm_out_;
  nn::CausalConv3d conv_out_;
};

class CausalDecoder {
 public:
  CausalDecoder(const Scope& scope, const CausalVaeConfig& config);
  /// A chunk's latents (t, latent_channels, h, w) -> (T, 3, H, W).
  at::Tensor forward(const at::Tensor& latents, nn::ChunkHistory& history) const;

 private:
  nn::CausalConv3d conv_in_;
  std::vector<CausalLevel> levels_;  // the middle first
  FilmNorm norm_out_;
  nn::CausalConv3d conv_out_;
};

/// CogVideoX's VAE. What goes through together decides the result, since norms are over all of it.
class CausalVae : public FilmVae {
 public:
  explicit CausalVae(const CausalVaeConfig& config);

  at::Tensor scaled(const at::Tensor& latents) const override;
  at::Tensor unscaled(const at::Tensor& latents) const override;

  const CausalVaeConfig& config() const { return config_; }

 protected:
  at::Tensor encodeChunk(const at::Tensor& frames, nn::ChunkHistory& history) const override;
  at::Tensor decodeChunk(const at::Tensor& latents, nn::ChunkHistory& history) const override;

 private:
  CausalVaeConfig config_;
  CausalEncoder encoder_;
  CausalDecoder decoder_;
  std::optional<nn::PointwiseConv> quant_conv_;
  std::optional<nn::PointwiseConv> post_quant_conv_;
};

}  // namespace cameo::models
