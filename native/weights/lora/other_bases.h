#pragma once

#include <string>
#include <string_view>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// As `otherBaseOf` calls it, whose LoRAs a base of its own kind takes.
inline constexpr std::string_view kWanBase = "Wan";

/// The model that a LoRA was made for, where its names and shapes show that it is none of Stable Diffusion
/// 1's kind: "Stable Diffusion XL", "Flux" ... Empty where nothing shows it.
std::string_view otherBaseOf(const TensorSource& source);

}  // namespace cameo::weights
