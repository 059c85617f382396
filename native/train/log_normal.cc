#include "train/log_normal.h"

#include <ATen/ATen.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/rng.h"

namespace cameo::train {

LogNormal LogNormal::read(const nlohmann::json& pair) {
  return {.mean = pair.at(0), .deviation = pair.at(1)};
}

double LogNormal::draw(const at::Generator& generator) const {
  return std::exp(mean + deviation * drawNormal({}, generator).item<double>());
}

}  // namespace cameo::train
