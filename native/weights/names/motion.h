#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Whether motion modules have AnimateDiff's own names (`mm_sd_v15.ckpt`, not diffusers' MotionAdapter).
bool isOriginalMotion(const TensorSource& source);

/// The name in diffusers' state dict for AnimateDiff's own; nullopt for what is no motion module's, and for the
/// second copy of a block's position table, of which diffusers has one.
std::optional<std::string> motionKey(std::string_view key);

/// AnimateDiff's own name for a motion module's in diffusers' state dict. A position table is the first
/// attention's.
std::string originalMotionKey(std::string_view key);

}  // namespace cameo::weights
