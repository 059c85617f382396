#pragma once

#include <memory>
#include <string_view>

#include "weights/load.h"

namespace cameo::weights {

// OpenCLIP's encoders as they are in checkpoints in one file, under transformers' names. What else the file
// has is left out.

/// Whose names begin with `start`, as CLIPTextModel.
Layer openClipText(const std::shared_ptr<const TensorSource>& source, std::string_view start);
/// Whose names begin with `start` ("embedder.model.visual."), as CLIPVisionModelWithProjection.
Layer openClipVision(const std::shared_ptr<const TensorSource>& source, std::string_view start);

}  // namespace cameo::weights
