#include "families/vae_codec.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::families {

int64_t VaeCodec::largestTensor(const pipeline::FilmSize& size, bool tiled) const {
  const models::VaeConfig& config = vae_.config();
  const int64_t most = tiled ? config.sample_size : std::max(size.width, size.height);
  const int64_t pixels = std::min(size.width, most) * std::min(size.height, most);
  // The second level is as wide when it comes to full size.
  const auto& channels = config.block_out_channels;
  return pixels * channels[std::min<size_t>(1, channels.size() - 1)];
}

models::Posterior VaeCodec::posterior(const at::Tensor& pictures, bool tiled) const {
  const at::Tensor there = pictures.to(device_, dtype_);
  const models::Posterior found = tiled ? vae_.encodeTiled(there) : vae_.encode(there);
  return {found.mean.to(at::kFloat), found.log_variance.to(at::kFloat)};
}

void VaeCodec::decode(const at::Tensor& latents, const pipeline::Decoding& how,
                      const pipeline::OnPictures& onPictures) const {
  const int64_t usual = together_ > 0 ? together_ : latents.size(0);
  const int64_t most = how.together > 0 ? std::min(how.together, usual) : usual;
  const int64_t together = decodesTogether() ? most : 1;
  for (int64_t i = 0; i < latents.size(0); i += together) {
    const at::Tensor unscaled = vae_.unscaled(latents.slice(0, i, i + together)).to(dtype_);
    onPictures(how.tiled ? vae_.decodeTiled(unscaled) : vae_.decode(unscaled));
  }
}

}  // namespace cameo::families
