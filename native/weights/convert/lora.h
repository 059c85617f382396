#pragma once

#include <string>

#include "weights/convert/writing.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// The layout that a LoRA isn't in: "peft" for kohya's and for old files of diffusers, "kohya" for PEFT's.
std::string otherLoraLayout(const TensorSource& source);

/// Writes a LoRA in kohya's names, with an alpha beside each pair, or in PEFT's, with the alphas in the
/// metadata where diffusers looks for them. Throws `ErrorCode::WeightsMismatch` for what the layout has no
/// place for, and for layers that are none of Stable Diffusion 1's.
void writeLora(const TensorSource& source, const std::string& layout, const std::string& file,
               Writing& writing);

}  // namespace cameo::weights
