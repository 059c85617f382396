#pragma once

#include <string>
#include <string_view>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// The field `format` of a training run's checkpoint.
inline constexpr const char* kCheckpointFormat = "cameo-training-1";

/// What a weight file is, by its keys.
struct Identity {
  std::string_view kind;    // "unet", "motion-adapter", ...; "unknown"
  std::string description;  // "an AnimateDiff motion adapter (diffusers names)"
  std::string_view option;  // what takes it, or a folder with it: "--base", "--lora" ...; "": nothing
  std::string reason = {};  // why nothing does, where that can be said
};

Identity identify(const TensorSource& source);

/// Throws `ErrorCode::WeightsMismatch`, which says what the file is instead of `what`, and where that goes.
[[noreturn]] void failOtherKind(const TensorSource& source, const char* what);

}  // namespace cameo::weights
