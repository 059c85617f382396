#include "families/causal_vae_codec.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::families {

namespace {

/// Numbers that the decoder's convolutions keep from chunk to chunk, of so many latents of a frame.
int64_t keptNumbers(const models::CausalVaeConfig& config, int64_t latents) {
  const auto& channels = config.block_out_channels;
  const int64_t before = nn::CausalConv3d::kBefore, deepest = channels.back();
  int64_t positions = latents;
  int64_t kept = before * positions * (config.latent_channels + 4 * deepest);
  for (size_t i = channels.size(); i-- > 0;) {
    kept += before * positions * 2 * (config.layers_per_block + 1) * channels[i];
    positions *= 4;
  }
  return kept;
}

}  // namespace

int64_t CausalVaeCodec::largestTensor(const pipeline::FilmSize& size, bool tiled) const {
  const models::CausalVaeConfig& config = vae_.config();
  const int64_t width = tiled ? std::min(size.width, config.tile_width) : size.width,
                height = tiled ? std::min(size.height, config.tile_height) : size.height;
  const int64_t together =
      std::min(size.frames, (models::CausalVae::kMostLatentsTogether - 1) * config.time_scale + 1);
  // The second level is as wide when it comes to full size.
  const auto& channels = config.block_out_channels;
  const int64_t widest = channels[std::min<size_t>(1, channels.size() - 1)];
  const int64_t latents = width * height / (config.scale() * config.scale());
  // As there are three of the largest tensor.
  const int64_t beside = keptNumbers(config, latents) / 3;
  const int64_t result = tiled ? 3 * size.frames * size.width * size.height : 0;
  return together * width * height * widest + beside + result;
}

pipeline::EncodedPicture CausalVaeCodec::encode(const at::Tensor& pictures, bool tiled,
                                                const at::Tensor& noise) const {
  const models::Posterior posterior = vae_.encode(pictures.to(device_, dtype_), tiled);
  at::Tensor latents = posterior.mean.to(at::kFloat);
  const at::Tensor log_variance = posterior.log_variance.to(at::kFloat);
  if (noise.defined()) latents = latents + noise.to(device_) * at::exp(log_variance * 0.5);
  return {vae_.scaled(latents), log_variance};
}

void CausalVaeCodec::decode(const at::Tensor& latents, const pipeline::Decoding& how,
                            const pipeline::OnPictures& onPictures) const {
  vae_.decode(vae_.unscaled(latents).to(dtype_), how.tiled, onPictures);
}

}  // namespace cameo::families
