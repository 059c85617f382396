#include "families/causal_vae_codec.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::families {

namespace {

/// Numbers that the decoder's convolutions keep from chunk to chunk, of so many latents of a frame.
int64_t keptNumbers(const models::FilmVaeShape& shape, int64_t latents) {
  const int64_t before = nn::CausalConv3d::kBefore, in_middle = 4;
  int64_t kept = before * latents * (shape.latent_channels + in_middle * shape.channels.back());
  for (size_t i = shape.channels.size(); i-- > 0; latents *= 4) {
    kept += before * latents * shape.convolutions * shape.channels[i];
  }
  return kept;
}

}  // namespace

int64_t CausalVaeCodec::largestTensor(const pipeline::FilmSize& size, bool tiled) const {
  const models::FilmVaeShape& shape = vae_.shape();
  const int64_t width = tiled ? std::min(size.width, shape.columns.output) : size.width,
                height = tiled ? std::min(size.height, shape.rows.output) : size.height;
  const int64_t latents_together = shape.latents_together + (shape.first_alone ? 0 : 1);
  const int64_t together = std::min(size.frames, (latents_together - 1) * shape.time_scale + 1);
  // The second level is as wide when it comes to full size.
  const int64_t widest = shape.channels[std::min<size_t>(1, shape.channels.size() - 1)];
  // As there are three of the largest tensor.
  const int64_t beside = keptNumbers(shape, width * height / (shape.scale * shape.scale)) / 3;
  const int64_t result = tiled ? 3 * size.frames * size.width * size.height : 0;
  return together * width * height * widest + beside + result;
}

models::Posterior CausalVaeCodec::posterior(const at::Tensor& pictures, bool tiled) const {
  const models::Posterior found = vae_.encode(pictures.to(device_, dtype_), tiled);
  return {found.mean.to(at::kFloat), found.log_variance.to(at::kFloat)};
}

void CausalVaeCodec::decode(const at::Tensor& latents, const pipeline::Decoding& how,
                            const pipeline::OnPictures& onPictures) const {
  vae_.decode(vae_.unscaled(latents).to(dtype_), how.tiled, onPictures);
}

}  // namespace cameo::families
