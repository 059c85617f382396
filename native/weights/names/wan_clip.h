#pragma once

#include <memory>

#include "weights/load.h"

namespace cameo::weights {

/// How names begin, and what they have, that only the image encoder has which comes with Wan's released I2V
/// (`models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth`).
inline constexpr std::string_view kWanVision = "visual.", kWanVisionRows = ".attn.to_qkv.";

/// That image encoder, as CLIPVisionModelWithProjection. The text encoder beside it is left out.
Layer wanClipVision(const TensorSource& source);

}  // namespace cameo::weights
