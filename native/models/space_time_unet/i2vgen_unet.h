#pragma once

#include <memory>

#include "models/space_time_unet/space_time_unet.h"

namespace cameo::models {

/// diffusers' I2VGenXLUNet.
struct I2VGenConfig {
  SpaceTimeConfig blocks;

  /// Throws `ErrorCode::WeightsFormat`.
  static I2VGenConfig read(const Config& config);
};

/// What a film is to be like, which is the same at every step.
struct I2VGenConditions {
  at::Tensor context;  // (B, S, cross_attention_dim): of text and picture
  at::Tensor latents;  // (1, F, in_channels, h, w): what each frame is shown of the picture
  at::Tensor rate;     // (1, 4 * block_out_channels[0])
};

/// Layers that a picture's latents go through, before the UNet sees them beside each frame's.
class PictureLatents {
 public:
  PictureLatents(const Scope& scope, int64_t channels);
  /// x (F, channels, h, w) -> (1, F, channels, h, w).
  at::Tensor forward(const at::Tensor& x) const;

 private:
  nn::Conv2d first_, second_, third_;
  nn::LayerNorm norm_;
  nn::Attention attention_;
  nn::FeedForward feed_forward_;
};

/// Layers that make tokens of a picture's latents and of what CLIP says of it.
class PictureTokens {
 public:
  PictureTokens(const Scope& scope, const UNetConfig& config);
  /// latents (1, channels, h, w) -> (1, 64, cross_attention_dim).
  at::Tensor ofLatents(const at::Tensor& latents) const;
  /// embeds (B, 1, cross_attention_dim) -> (B, channels, cross_attention_dim).
  at::Tensor ofEmbeds(const at::Tensor& embeds) const;

 private:
  int64_t channels_;
  nn::Conv2d first_, second_, third_;
  nn::Linear widen_, spread_;
};

/// The UNet of I2VGen-XL (arXiv 2311.04145): it reads a text and a picture and is shown the picture's latents
/// beside the first frame.
class I2VGenUNet {
 public:
  explicit I2VGenUNet(const I2VGenConfig& config);

  /// text (B, S, cross_attention_dim), embeds (B, 1, cross_attention_dim): what CLIP says of the picture;
  /// latents (F, in_channels, h, w), as each frame is shown the picture; in the parameters' dtype.
  I2VGenConditions conditions(const at::Tensor& text, const at::Tensor& embeds, const at::Tensor& latents,
                              double fps) const;
  /// The prediction for images (B, F, in_channels, h, w) at timesteps (B), for so many rows of the
  /// conditions: like images.
  at::Tensor forward(const at::Tensor& images, const at::Tensor& timesteps,
                     const I2VGenConditions& conditions) const;

  const I2VGenConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  I2VGenConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  SpaceTimeUNet unet_;
  PictureLatents picture_latents_;
  PictureTokens picture_tokens_;
};

}  // namespace cameo::models
