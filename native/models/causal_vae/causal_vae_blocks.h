#pragma once

#include <optional>
#include <vector>

#include "models/causal_vae/causal_vae_config.h"
#include "nn/causal_convolution.h"
#include "nn/layers.h"

namespace cameo::models {

/// A chunk of consecutive frames on its way through the network.
struct FilmChunk {
  /// What causal convolutions saw before.
  nn::ChunkHistory& history;
  /// The latents that it is decoded from, (t, latent_channels, h, w); undefined where it is encoded.
  at::Tensor latents = {};

  /// Whether its first frame is a film's first one, which has a latent of its own.
  bool isFirst() const { return history.isFirst(); }
};

/// Group norm over all of a chunk's frames, which a decoder multiplies with and adds to what its latents say
/// of each position.
class FilmNorm {
 public:
  struct Sizes {
    int64_t channels, groups;
    double eps;
    int64_t latent_channels = 0;  // 0: it is conditioned on nothing
  };

  FilmNorm(const Scope& scope, const Sizes& sizes);
  /// x (T, C, H, W) with an activation after it, in the last frames of room for a causal convolution.
  at::Tensor forward(const at::Tensor& x, const FilmChunk& chunk, nn::Activation activation) const;

 private:
  void plainly(const at::Tensor& x, const FilmChunk& chunk, nn::Activation activation,
               const at::Tensor& y) const;

  Sizes sizes_;
  const Parameter& weight_;
  const Parameter& bias_;
  std::optional<nn::PointwiseConv> scale_, shift_;  // what latents say of a position
};

/// Norm, activation, causal convolution, twice, with a residual around.
class CausalResnet {
 public:
  CausalResnet(const Scope& scope, const CausalVaeConfig& config, int64_t in, int64_t out,
               int64_t latent_channels);
  at::Tensor forward(const at::Tensor& x, const FilmChunk& chunk) const;

 private:
  nn::Activation activation_;
  FilmNorm norm1_;
  nn::CausalConv3d conv1_;
  FilmNorm norm2_;
  nn::CausalConv3d conv2_;
  std::optional<nn::PointwiseConv> shortcut_;  // where the number of channels changes
};

/// Halves height and width, and where asked time by means of two frames, of which a film's first isn't part.
class FilmDownsample {
 public:
  FilmDownsample(const Scope& scope, int64_t channels, bool over_time);
  at::Tensor forward(const at::Tensor& x, const FilmChunk& chunk) const;

 private:
  bool over_time_;
  nn::Conv2d conv_;
};

/// Doubles height and width, and where asked time but for a film's first frame, then a convolution of each.
class FilmUpsample {
 public:
  FilmUpsample(const Scope& scope, int64_t channels, bool over_time);
  at::Tensor forward(const at::Tensor& x, const FilmChunk& chunk) const;

 private:
  bool over_time_;
  nn::Conv2d conv_;
};

}  // namespace cameo::models
