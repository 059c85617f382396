#pragma once

#include <memory>

#include "weights/base_model.h"

namespace cameo::weights {

/// A Stable Video Diffusion checkpoint in one file, svd.safetensors or svd_xt.safetensors. Sizes come from
/// its tensors; for how many frames it was trained it says by its name alone: xt is for 25, others for 14.
BaseModel openStableVideo(const std::shared_ptr<const TensorSource>& source);

}  // namespace cameo::weights
