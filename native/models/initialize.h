#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "core/parameters.h"

namespace cameo::models {

/// Where drawn values are kept, and how.
struct Drawn {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  bool channels_last = true;  // 4-D weights in the channels-last memory format
};

/// Draws a value for every parameter that has none: by its own `initial`, else as PyTorch, transformers
/// (embeddings) and AnimateDiff (motion modules end in zeros, arXiv 2307.04725, section 4.2) start training
/// from. Which numbers a parameter gets depends on `seed` and on its name only.
void initialize(ParameterSet& parameters, uint64_t seed, const Drawn& drawn);

}  // namespace cameo::models
