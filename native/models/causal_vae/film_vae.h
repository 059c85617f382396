#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "core/parameters.h"
#include "models/tiling.h"
#include "models/vae.h"
#include "nn/causal_convolution.h"

namespace cameo::models {

/// How films go through a VAE over time.
struct FilmVaeShape {
  int64_t latent_channels;
  int64_t scale;       // how many pixels a latent stands for, in each direction
  int64_t time_scale;  // and how many frames, but the first one
  /// How many frames or latents go through together, and in the first chunk where that isn't what is left
  /// over.
  int64_t frames_together, latents_together;
  bool first_alone = false;
  TileSide rows, columns;  // of latents
  /// Of the decoder's levels, from the picture inwards, and how many of its convolutions over time each has.
  std::vector<int64_t> channels;
  int64_t convolutions;
};

/// A 3-D VAE that sees no later frame: a film's first frame is a latent, and each `time_scale` after it are
/// another one. A film goes through chunk by chunk, so that memory is that of a chunk and of what
/// convolutions keep of the one before. Latents here are before scaling, as those of `Vae`.
class FilmVae {
 public:
  virtual ~FilmVae() = default;
  FilmVae(FilmVae&&) = default;

  /// Of a film's frames (1 + k * time_scale, 3, H, W) in -1..1, sizes divisible by `shape().scale`:
  /// (1 + k, latent_channels, h, w) each. By overlapping tiles where asked, as `Vae` does.
  Posterior encode(const at::Tensor& frames, bool tiled = false) const;

  /// Frames (n, 3, H, W), about -1..1, in the order of time.
  using OnFrames = std::function<void(const at::Tensor& frames)>;
  /// Of latents (1 + k, latent_channels, h, w): hands chunk after chunk out as it is done, or by tiles, of
  /// which each goes through the whole film, all at the end.
  void decode(const at::Tensor& latents, bool tiled, const OnFrames& onFrames) const;

  /// Between latents (T, latent_channels, h, w) as they are here and as the diffusion model sees them.
  virtual at::Tensor scaled(const at::Tensor& latents) const = 0;
  virtual at::Tensor unscaled(const at::Tensor& latents) const = 0;

  const FilmVaeShape& shape() const { return shape_; }
  ParameterSet& parameters() { return *parameters_; }

 protected:
  explicit FilmVae(FilmVaeShape shape)
      : parameters_(std::make_unique<ParameterSet>()), shape_(std::move(shape)) {}

  /// A chunk's frames (T, 3, H, W) -> (t, 2 latent_channels, h, w): means and logarithms of variances.
  virtual at::Tensor encodeChunk(const at::Tensor& frames, nn::ChunkHistory& history) const = 0;
  /// A chunk's latents (t, latent_channels, h, w) -> (T, 3, H, W).
  virtual at::Tensor decodeChunk(const at::Tensor& latents, nn::ChunkHistory& history) const = 0;

  std::unique_ptr<ParameterSet> parameters_;

 private:
  using OnChunk = std::function<void(const at::Tensor& chunk, nn::ChunkHistory& history)>;
  void forEachChunk(const at::Tensor& film, int64_t together, const OnChunk& each) const;
  at::Tensor moments(const at::Tensor& frames) const;
  void decodeWhole(const at::Tensor& latents, const OnFrames& onFrames) const;

  FilmVaeShape shape_;
};

}  // namespace cameo::models
