#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/parameters.h"

namespace cameo::test {

using Json = nlohmann::json;
using Tensors = std::map<std::string, at::Tensor>;

/// A function of the native half that tests may call by name: plain values and tensors in, tensors out. So
/// many threads compute it as "threads" in its config says. Its caller may bring the tensors to another
/// device and type, in which it then computes.
using Probe = std::function<Tensors(const Json& config, const Tensors& inputs)>;

/// Makes `probe` callable as `probes.run(name, config, inputs)`. Use at namespace scope:
/// `const bool registered = addProbe("nn.resnet_block", ...);`
bool addProbe(const std::string& name, Probe probe);

/// The part of `inputs` whose names start with "weights." goes into `parameters`, each name once; throws
/// where a parameter is missing, unknown or of another shape.
void assignWeights(ParameterSet& parameters, const Tensors& inputs);

}  // namespace cameo::test
