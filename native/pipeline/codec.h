#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "models/vae.h"
#include "pipeline/network.h"

namespace cameo::pipeline {

/// The latents of a picture, or of a film's frames, fp32 on the codec's device.
struct EncodedPicture {
  at::Tensor latents;       // (T, C, h, w), scaled as the diffusion model sees them
  at::Tensor log_variance;  // of the posterior before scaling, in that shape
};

struct FilmSize {
  int64_t width, height;
  int64_t frames = 1;
};

/// How latents are decoded.
struct Decoding {
  bool tiled = false;
  int64_t together = 0;  // frames, of a codec that decodes several together; 0: all
};

/// Pictures (n, 3, H, W), about -1..1, in the order of time.
using OnPictures = std::function<void(const at::Tensor& pictures)>;

/// Between pixels and the latents that a diffusion model sees.
class LatentCodec {
 public:
  virtual ~LatentCodec() = default;

  virtual int64_t channels() const = 0;
  /// How many pixels a latent stands for, along each side.
  virtual int64_t stride() const = 0;
  /// How many frames a latent stands for: with more than one, each but a film's first, which is its first
  /// frame.
  virtual int64_t timeStride() const { return 1; }
  /// How many latents, one after the other, so many frames have: 1 + k * timeStride().
  int64_t latentFrames(int64_t frames) const { return (frames - 1) / timeStride() + 1; }
  /// Numbers in the largest tensor that a picture needs, or as many frames as go through together, by tiles
  /// or whole.
  virtual int64_t largestTensor(const FilmSize& size, bool tiled) const = 0;
  /// Whether what a frame is decoded to depends on those that are decoded together with it.
  virtual bool decodesTogether() const { return false; }
  virtual Network network() const = 0;

  /// Of a picture (1, 3, H, W) in -1..1, or with a `timeStride()` of more than one a film's frames, by tiles
  /// or whole; fp32 on the codec's device.
  virtual models::Posterior posterior(const at::Tensor& pictures, bool tiled) const = 0;
  /// Latents (T, C, h, w) as the diffusion model sees them.
  virtual at::Tensor scaled(const at::Tensor& latents) const = 0;
  /// Scaled: the mean of the posterior, or with `noise`, of its shape, a sample.
  at::Tensor drawn(const models::Posterior& posterior, const at::Tensor& noise) const;
  EncodedPicture encode(const at::Tensor& pictures, bool tiled, const at::Tensor& noise = {}) const;
  /// Of scaled latents (T, C, h, w): hands pictures out as they are done.
  virtual void decode(const at::Tensor& latents, const Decoding& how, const OnPictures& onPictures) const = 0;
};

}  // namespace cameo::pipeline
