#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "models/temporal_decoder.h"
#include "nn/attention.h"
#include "nn/resnet.h"

namespace cameo::models {

/// The distribution q(latents | image) before scaling, (N, latent_channels, h, w) each.
struct Posterior {
  at::Tensor mean;
  at::Tensor log_variance;  // clamped to -30..20
};

struct VaeLevel {
  std::vector<nn::ResnetBlock> resnets;
  std::optional<nn::Downsample> downsample;
  std::optional<nn::Upsample> upsample;
};

/// Two resnet blocks with a single-headed self-attention over all positions between them.
class VaeMidBlock {
 public:
  VaeMidBlock(const Scope& scope, const VaeConfig& config);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  nn::ResnetBlock first_;
  std::optional<nn::GroupNorm> attention_norm_;
  std::optional<nn::Attention> attention_;
  nn::ResnetBlock second_;
};

class VaeEncoder {
 public:
  VaeEncoder(const Scope& scope, const VaeConfig& config);
  at::Tensor forward(at::Tensor x) const;

 private:
  nn::Conv2d conv_in_;
  std::vector<VaeLevel> levels_;
  VaeMidBlock mid_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

class VaeDecoder {
 public:
  VaeDecoder(const Scope& scope, const VaeConfig& config);
  at::Tensor forward(at::Tensor x) const;

 private:
  nn::Conv2d conv_in_;
  VaeMidBlock mid_;
  std::vector<VaeLevel> levels_;
  nn::GroupNorm conv_norm_out_;
  nn::Conv2d conv_out_;
};

/// Pictures to latents and back; with a temporal decoder, latents to a film. Latents here are before scaling:
/// the diffusion model sees (latents - shift_factor) * scaling_factor.
class Vae {
 public:
  explicit Vae(const VaeConfig& config);

  /// images (N, 3, H, W) in -1..1, sizes divisible by `config().scale()`.
  Posterior encode(const at::Tensor& images) const;
  /// latents (N, latent_channels, h, w) -> images (N, 3, H, W), about -1..1, not clamped. A temporal decoder
  /// takes the N for the frames of one film.
  at::Tensor decode(const at::Tensor& latents) const;

  /// Between latents as they are here and as the diffusion model sees them.
  at::Tensor scaled(const at::Tensor& latents) const;
  at::Tensor unscaled(const at::Tensor& latents) const;

  /// The same by overlapping tiles of about `tile` pixels (0: `sample_size`), blended: memory stays that of a
  /// tile, and the result differs slightly, since each tile is normalised by itself. A picture no larger than
  /// a tile is not cut.
  Posterior encodeTiled(const at::Tensor& images, int64_t tile = 0) const;
  at::Tensor decodeTiled(const at::Tensor& latents, int64_t tile = 0) const;

  const VaeConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  using Decoder = std::variant<VaeDecoder, TemporalDecoder>;
  static Decoder makeDecoder(const Scope& scope, const VaeConfig& config);
  at::Tensor moments(const at::Tensor& images) const;
  /// The side of a tile of about so many pixels, in latents: of which a quarter, that tiles share, is whole.
  int64_t tileLatents(int64_t pixels) const;
  static Posterior posterior(const at::Tensor& moments);

  VaeConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  VaeEncoder encoder_;
  Decoder decoder_;
  std::optional<nn::Conv2d> quant_conv_;
  std::optional<nn::Conv2d> post_quant_conv_;
};

}  // namespace cameo::models
