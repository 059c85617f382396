#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// What a weight file is, by its keys.
struct Identity {
  std::string_view kind;         // "unet", "motion-adapter", ...; "unknown"
  std::string_view description;  // "an AnimateDiff motion adapter (diffusers names)"
  std::string_view option;  // what takes it: "--base", "--motion", "--subject"; "" where nothing does yet
};

Identity identify(const std::vector<TensorEntry>& entries);

}  // namespace cameo::weights
