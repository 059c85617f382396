#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "core/parameters.h"

namespace cameo::models {

/// Draws a value for every parameter that has none, as PyTorch, transformers (embeddings) and AnimateDiff
/// (motion modules end in zeros, arXiv 2307.04725, section 4.2) start training from. Which numbers a
/// parameter gets depends on `seed` and on its name only.
void initialize(ParameterSet& parameters, uint64_t seed, at::ScalarType dtype, c10::Device device);

}  // namespace cameo::models
