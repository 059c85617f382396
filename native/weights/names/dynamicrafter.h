#pragma once

#include <memory>

#include "models/cross_attentions.h"
#include "weights/load.h"

namespace cameo::weights {

// The parts of a DynamiCrafter checkpoint, one file, under the names of the networks here. Each part leaves
// the others' tensors out.

/// What stands before the names of what makes tokens of a picture.
inline constexpr std::string_view kDynamiCrafterProjection = "image_proj_model.";

Layer dynamiCrafterUNet(const std::shared_ptr<const TensorSource>& source);
/// OpenCLIP's text encoder, as transformers' CLIPTextModel.
Layer dynamiCrafterText(const std::shared_ptr<const TensorSource>& source);
/// OpenCLIP's image encoder, as transformers' CLIPVisionModelWithProjection.
Layer dynamiCrafterVision(const std::shared_ptr<const TensorSource>& source);
/// What makes tokens of a picture, and what cross-attentions read of them, as `models::IpAdapter`.
Layer dynamiCrafterPicture(const std::shared_ptr<const TensorSource>& source,
                           const std::vector<models::CrossAttention>& attentions);

}  // namespace cameo::weights
