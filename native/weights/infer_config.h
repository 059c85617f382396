#pragma once

#include <nlohmann/json.hpp>

#include "weights/load.h"

namespace cameo::weights {

/// The config of a network that comes without one, as diffusers would write it: sizes from its tensors, the
/// rest as Stable Diffusion 1.5 and AnimateDiff have it, whose files these are. They throw
/// `ErrorCode::WeightsFormat` where a tensor is missing that says a size.
nlohmann::json inferUNetConfig(const Layer& unet);
nlohmann::json inferVaeConfig(const Layer& vae);
nlohmann::json inferClipTextConfig(const Layer& text_encoder);
/// As OpenCLIP's encoders of pictures are built.
nlohmann::json inferOpenClipVisionConfig(const Layer& image_encoder);
/// As Stable Video Diffusion's is built, whose file doesn't say for how many frames.
nlohmann::json inferVideoUNetConfig(const Layer& unet);
/// The heads are those of the base's UNet.
nlohmann::json inferMotionConfig(const Layer& motion, const nlohmann::json& unet_config);

}  // namespace cameo::weights
