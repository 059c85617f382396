#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/codec.h"

namespace cameo::train {

/// `rgb` (images, height, width, 3), 8 bits -> (images, 3, height, width) in -1..1, fp32 on the CPU. Throws
/// `ErrorCode::InvalidOption` for sides that are no multiples
/// of a latent's `stride`.
at::Tensor picturesOf(int64_t stride, const std::vector<uint8_t>& rgb, int64_t width, int64_t height);

/// What a codec makes of pictures (n, 3, H, W), of which the last ones are `references`: the posterior before
/// scaling, fp32 on the CPU. One picture at a time, so that a picture's latents do not depend on what else is
/// encoded, but by a codec over time the film, that is all others, together.
models::Posterior encodePictures(const pipeline::LatentCodec& codec, const at::Tensor& pictures,
                                 int64_t references);

/// Writes a cache file: safetensors with `mean` and `log_variance`; whole or not at all.
void writeLatents(const std::string& path, const models::Posterior& latents);

}  // namespace cameo::train
