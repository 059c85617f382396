#pragma once

#include <ATen/core/Generator.h>

#include <nlohmann/json_fwd.hpp>

namespace cameo::train {

/// Numbers whose logarithm is normally distributed.
struct LogNormal {
  double mean = 0;
  double deviation = 1;

  /// Of a recipe's [mean, deviation].
  static LogNormal read(const nlohmann::json& pair);
  double draw(const at::Generator& generator) const;
};

}  // namespace cameo::train
