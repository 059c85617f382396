#pragma once

#include <memory>
#include <string>

#include "weights/load.h"

namespace cameo::weights {

// The parts of a Stable Video Diffusion checkpoint in one file (svd.safetensors), under the names of the
// networks here. Each part leaves the others' tensors out.

Layer stableVideoUNet(const std::shared_ptr<const TensorSource>& source);
/// OpenCLIP's image encoder, as transformers' CLIPVisionModelWithProjection.
Layer stableVideoVision(const std::shared_ptr<const TensorSource>& source);
/// As AutoencoderKLTemporalDecoder. The file has a VAE of its own for the picture that a film is made of,
/// whose encoder is taken, and the one with a decoder over time.
Layer stableVideoVae(const std::shared_ptr<const TensorSource>& source);

}  // namespace cameo::weights
