#pragma once

#include "models/vae.h"
#include "pipeline/codec.h"

namespace cameo::families {

/// A VAE, for films frame by frame, or with a temporal decoder by as many frames as are decoded together.
class VaeCodec : public pipeline::LatentCodec {
 public:
  /// `vae` has to outlive it; `dtype` is what it computes in. Where nothing else is said, a temporal decoder
  /// decodes `together` frames at a time; 0: all.
  VaeCodec(models::Vae& vae, c10::Device device, c10::ScalarType dtype, int64_t together = 0)
      : vae_(vae), device_(device), dtype_(dtype), together_(together) {}

  int64_t channels() const override { return vae_.config().latent_channels; }
  int64_t stride() const override { return vae_.config().scale(); }
  int64_t largestTensor(const pipeline::FilmSize& size, bool tiled) const override;
  bool decodesTogether() const override { return vae_.config().temporal_decoder; }
  pipeline::Network network() const override { return {"vae", vae_.parameters(), dtype_}; }
  models::Posterior posterior(const at::Tensor& pictures, bool tiled) const override;
  at::Tensor scaled(const at::Tensor& latents) const override { return vae_.scaled(latents); }
  void decode(const at::Tensor& latents, const pipeline::Decoding& how,
              const pipeline::OnPictures& onPictures) const override;

 private:
  models::Vae& vae_;
  c10::Device device_;
  c10::ScalarType dtype_;
  int64_t together_;
};

}  // namespace cameo::families
