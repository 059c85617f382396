#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/causal_vae/causal_vae_blocks.h"
#include "models/tiling.h"
#include "models/vae.h"

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

/// A 3-D VAE that sees no later frame: a film's first frame is a latent, and each `time_scale` after it are
/// another one. A film goes through chunk by chunk, so that memory is that of a chunk and of what convolutions
/// keep of the one before. Latents here are before scaling, as those of `Vae`.
class CausalVae {
 public:
  /// A film is decoded two latents at a time, and its first chunk has the odd one.
  static constexpr int64_t kMostLatentsTogether = 3;

  explicit CausalVae(const CausalVaeConfig& config);

  /// Of a film's frames (1 + k * time_scale, 3, H, W) in -1..1, sizes divisible by `config().scale()`:
  /// (1 + k, latent_channels, h, w) each. By overlapping tiles where asked, as `Vae` does.
  Posterior encode(const at::Tensor& frames, bool tiled = false) const;

  /// Frames (n, 3, H, W), about -1..1, not clamped, in the order of time.
  using OnFrames = std::function<void(const at::Tensor& frames)>;
  /// Of latents (1 + k, latent_channels, h, w): hands chunk after chunk out as it is done, or by tiles, of
  /// which each goes through the whole film, all at the end.
  void decode(const at::Tensor& latents, bool tiled, const OnFrames& onFrames) const;

  /// Between latents as they are here and as the diffusion model sees them.
  at::Tensor scaled(const at::Tensor& latents) const { return latents * config_.scaling_factor; }
  at::Tensor unscaled(const at::Tensor& latents) const { return latents / config_.scaling_factor; }

  const CausalVaeConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  at::Tensor moments(const at::Tensor& frames) const;
  void decodeWhole(const at::Tensor& latents, const OnFrames& onFrames) const;
  /// Height's and width's tiles, of latents.
  std::pair<TileSide, TileSide> tiles() const;

  CausalVaeConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  CausalEncoder encoder_;
  CausalDecoder decoder_;
  std::optional<nn::PointwiseConv> quant_conv_;
  std::optional<nn::PointwiseConv> post_quant_conv_;
};

}  // namespace cameo::models
