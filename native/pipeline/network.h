#pragma once

#include <c10/core/ScalarType.h>

#include <string>

#include "core/parameters.h"

namespace cameo::pipeline {

/// One of a pipeline's networks.
struct Network {
  std::string name;  // in descriptions and messages: "unet"
  ParameterSet& parameters;
  c10::ScalarType dtype;  // of its weights, and what it computes in
  bool denoises = false;  // it is on the device together with all others that do
};

}  // namespace cameo::pipeline
