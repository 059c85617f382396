#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/causal_vae/film_vae.h"
#include "models/wan_vae/wan_vae_blocks.h"

namespace cameo::models {

/// Two resnets with attention between them.
class WanMiddle {
 public:
  WanMiddle(const Scope& scope, int64_t channels);
  at::Tensor forward(const at::Tensor& x, nn::ChunkHistory& history) const;

 private:
  WanResnet first_;
  WanAttention attention_;
  WanResnet second_;
};

struct WanLevel {
  std::vector<WanResnet> resnets;
  std::optional<WanDownsample> downsample;
  std::optional<WanUpsample> upsample;
};

class WanEncoder {
 public:
  WanEncoder(const Scope& scope, const WanVaeConfig& config);
  /// A chunk's frames (T, 3, H, W) -> (t, 2 latent_channels, h, w).
  at::Tensor forward(const at::Tensor& frames, nn::ChunkHistory& history) const;

 private:
  nn::CausalConv3d conv_in_;
  std::vector<WanLevel> levels_;
  WanMiddle middle_;
  WanNorm norm_out_;
  nn::CausalConv3d conv_out_;
};

class WanDecoder {
 public:
  WanDecoder(const Scope& scope, const WanVaeConfig& config);
  /// A chunk's latents (t, latent_channels, h, w) -> (T, 3, H, W).
  at::Tensor forward(const at::Tensor& latents, nn::ChunkHistory& history) const;

 private:
  nn::CausalConv3d conv_in_;
  WanMiddle middle_;
  std::vector<WanLevel> levels_;
  WanNorm norm_out_;
  nn::CausalConv3d conv_out_;
};

/// Wan 2.1's VAE: the result doesn't depend on what goes through together.
class WanVae : public FilmVae {
 public:
  explicit WanVae(const WanVaeConfig& config);

  at::Tensor scaled(const at::Tensor& latents) const override;
  at::Tensor unscaled(const at::Tensor& latents) const override;

  const WanVaeConfig& config() const { return config_; }

 protected:
  at::Tensor encodeChunk(const at::Tensor& frames, nn::ChunkHistory& history) const override;
  /// Clamped to -1..1 where no gradients are recorded.
  at::Tensor decodeChunk(const at::Tensor& latents, nn::ChunkHistory& history) const override;

 private:
  WanVaeConfig config_;
  WanEncoder encoder_;
  WanDecoder decoder_;
  nn::PointwiseConv quant_conv_;
  nn::PointwiseConv post_quant_conv_;
};

}  // namespace cameo::models
