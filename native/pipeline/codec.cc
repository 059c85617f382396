#include "pipeline/codec.h"

#include <ATen/ATen.h>

namespace cameo::pipeline {

at::Tensor LatentCodec::drawn(const models::Posterior& posterior, const at::Tensor& noise) const {
  if (!noise.defined()) return scaled(posterior.mean);
  const at::Tensor deviation = at::exp(posterior.log_variance * 0.5);
  return scaled(posterior.mean + noise.to(deviation.device()) * deviation);
}

EncodedPicture LatentCodec::encode(const at::Tensor& pictures, bool tiled, const at::Tensor& noise) const {
  const models::Posterior found = posterior(pictures, tiled);
  return {drawn(found, noise), found.log_variance};
}

}  // namespace cameo::pipeline
