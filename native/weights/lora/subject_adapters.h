#pragma once

#include <memory>
#include <set>
#include <string>

#include "core/parameters.h"
#include "weights/load.h"

namespace cameo::weights {

/// Whether a file given as a subject holds low-rank adapters in PEFT's names, as training writes them:
/// `unet.<layer>.lora_A.weight` and `lora_B.weight`, with or without `unet.`.
bool isSubjectLora(const TensorSource& source);

/// The names of the network's parameters that a subject's file sets or, with adapters, changes.
std::set<std::string> parametersIn(const TensorSource& source);

/// Adds the adapters (arXiv 2106.09685) to the network's loaded weights: W + alpha / rank * B A. Throws as
/// `LoraFile::read`.
Coverage mergeSubjectLora(ParameterSet& parameters, const std::shared_ptr<const TensorSource>& source,
                          const std::string& network);

}  // namespace cameo::weights
