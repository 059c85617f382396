#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Whether motion modules have AnimateDiff's own names (`mm_sd_v15.ckpt`, not diffusers' MotionAdapter).
bool isOriginalMotion(const TensorSource& source);

/// The name in diffusers' state dict for AnimateDiff's own; nullopt for what is no motion module's, and for
/// the second copy of a block's position table, of which diffusers has one.
std::optional<std::string> motionKey(std::string_view key);

/// AnimateDiff's own names for a motion module's in diffusers' state dict: one, or of a position table two,
/// as each attention has a copy.
std::vector<std::string> originalMotionKeys(std::string_view key);

/// Throws `ErrorCode::WeightsMismatch` where two attentions of a block have different position tables, of
/// which diffusers has one.
void requireEqualTables(const TensorSource& source);

}  // namespace cameo::weights
