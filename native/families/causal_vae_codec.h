#pragma once

#include "models/causal_vae/film_vae.h"
#include "pipeline/codec.h"

namespace cameo::families {

/// A VAE over time and space: of a film's latents the first is its first frame, each other one several
/// frames.
class CausalVaeCodec : public pipeline::LatentCodec {
 public:
  /// `vae` has to outlive it; `dtype` is what it computes in.
  CausalVaeCodec(models::FilmVae& vae, c10::Device device, c10::ScalarType dtype)
      : vae_(vae), device_(device), dtype_(dtype) {}

  int64_t channels() const override { return vae_.shape().latent_channels; }
  int64_t stride() const override { return vae_.shape().scale; }
  int64_t timeStride() const override { return vae_.shape().time_scale; }
  int64_t largestTensor(const pipeline::FilmSize& size, bool tiled) const override;
  pipeline::Network network() const override { return {"vae", vae_.parameters(), dtype_}; }
  models::Posterior posterior(const at::Tensor& pictures, bool tiled) const override;
  at::Tensor scaled(const at::Tensor& latents) const override { return vae_.scaled(latents); }
  void decode(const at::Tensor& latents, const pipeline::Decoding& how,
              const pipeline::OnPictures& onPictures) const override;

 private:
  models::FilmVae& vae_;
  c10::Device device_;
  c10::ScalarType dtype_;
};

}  // namespace cameo::families
