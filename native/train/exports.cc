#include "train/exports.h"

#include <ATen/ATen.h>

#include "train/selection.h"

namespace cameo::train {

std::vector<NamedTensor> mergedWeights(const ParameterSet& parameters, const IsWanted& isWanted) {
  std::vector<NamedTensor> tensors;
  for (const Parameter& parameter : parameters.all()) {
    if (!isWanted || isWanted(parameter)) tensors.emplace_back(parameter.name, parameter.merged());
  }
  return tensors;
}

std::vector<NamedTensor> adapterFactors(const std::string& network, const ParameterSet& parameters) {
  std::vector<NamedTensor> tensors;
  for (const Parameter& parameter : parameters.all()) {
    if (!parameter.adapter) continue;
    const auto& [down, up, scale] = *parameter.adapter;
    const AdapterNames names = adapterNames(parameter);
    tensors.emplace_back(network + "." + names.down, down.detach());
    tensors.emplace_back(network + "." + names.up, up.detach() * scale);
  }
  return tensors;
}

}  // namespace cameo::train
