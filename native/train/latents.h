#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "families/stable_diffusion/stable_diffusion.h"

namespace cameo::train {

/// What the VAE makes of a sample's pictures, frames and then references: the posterior before scaling,
/// (images, C, h, w) each, fp32 on the CPU.
struct EncodedImages {
  at::Tensor mean;
  at::Tensor log_variance;
};

/// `rgb` (images, height, width, 3), 8 bits -> (images, 3, height, width) in -1..1, fp32 on the CPU. Throws
/// `ErrorCode::InvalidOption` for sides that are no multiples
/// of a latent's `stride`.
at::Tensor picturesOf(int64_t stride, const std::vector<uint8_t>& rgb, int64_t width, int64_t height);

/// The same pictures' latents. One picture at a time, so that a picture's latents do not depend on what else
/// is encoded.
EncodedImages encodeImages(const families::StableDiffusion& pipeline, const std::vector<uint8_t>& rgb,
                           int64_t width, int64_t height);

/// Writes a cache file: safetensors with `mean` and `log_variance`; whole or not at all.
void writeLatents(const std::string& path, const EncodedImages& images);

}  // namespace cameo::train
