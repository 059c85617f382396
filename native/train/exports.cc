#include "train/exports.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "train/selection.h"
#include "weights/lora/scaling.h"

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

namespace {

/// PEFT's LoraConfig as diffusers keeps it in a file: the factors' product is added as it is.
std::string loraMetadata(const std::string& network, const ParameterSet& parameters) {
  std::vector<std::string> modules;
  int64_t rank = 0;
  for (const Parameter& parameter : parameters.all()) {
    if (!parameter.adapter) continue;
    modules.push_back(parameter.name.substr(0, parameter.name.rfind('.')));
    rank = parameter.adapter->down.size(0);
  }
  return nlohmann::json{
      {network + ".r", rank}, {network + ".lora_alpha", rank}, {network + ".target_modules", modules}}
      .dump();
}

}  // namespace

std::vector<Export> denoiserExports(const std::string& network, const ParameterSet& parameters) {
  const auto hasAdapter = [](const Parameter& parameter) { return parameter.adapter.has_value(); };
  if (std::ranges::none_of(parameters.all(), hasAdapter)) {
    return {{.part = network, .tensors = [&parameters] { return mergedWeights(parameters); }}};
  }
  return {{.part = "lora",
           .tensors = [network, &parameters] { return adapterFactors(network, parameters); },
           .fields = {{weights::kLoraMetadata, loraMetadata(network, parameters)}}}};
}

}  // namespace cameo::train
