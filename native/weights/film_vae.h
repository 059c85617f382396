#pragma once

#include "weights/component.h"

namespace cameo::weights {

inline constexpr const char* kWanVaeClass = "AutoencoderKLWan";

/// A VAE over time of this class: a folder, a file with its config.json beside it, or of AutoencoderKLWan a
/// file with the released code's names. Throws as `openVae`.
Component openFilmVae(const std::string& path, Weights weights, const char* class_name);

}  // namespace cameo::weights
