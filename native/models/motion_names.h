#pragma once

#include <string_view>

namespace cameo::models {

/// What stands in the name of every motion module's parameter, in diffusers' names and in AnimateDiff's own.
inline constexpr std::string_view kMotionModules = ".motion_modules.";

inline bool isMotionName(std::string_view name) {
  return name.find(kMotionModules) != std::string_view::npos;
}

}  // namespace cameo::models
