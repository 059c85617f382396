#pragma once

#include <set>
#include <string>

#include "core/parameters.h"
#include "weights/load.h"

namespace cameo::weights {

/// Whether a file holds low-rank adapters in PEFT's names: `unet.<module>.lora_A.weight` and `lora_B.weight`,
/// with or without `unet.`, and `<module>.alpha` or diffusers' metadata (`LoraScaling`) where the scale is
/// not 1.
bool isLora(const TensorSource& source);

/// Throws as `mergeLora` for what makes a file of adapters fit no UNet.
void checkUNetAdapters(const TensorSource& source);

/// The names of the network's parameters that a file sets or, with adapters, changes.
std::set<std::string> parametersIn(const TensorSource& source);

/// Adds the adapters (arXiv 2106.09685) to the network's loaded weights: W + alpha / rank * B A. Throws
/// `ErrorCode::WeightsMismatch` for adapters of layers that the network hasn't got, of other shapes or
/// without their other half, and as `LoraScaling`.
Coverage mergeLora(ParameterSet& parameters, const TensorSource& source, const std::string& network);

}  // namespace cameo::weights
