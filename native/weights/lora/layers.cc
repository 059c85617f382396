#include "weights/lora/layers.h"

#include <algorithm>
#include <array>

#include "weights/key_maps.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kWeightEnding = ".weight";
constexpr std::string_view kTextEncoder = "text_encoder";

std::string flat(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

/// Without biases, and without norms, which have vectors for weights.
bool isMatrix(const Parameter& parameter) {
  return parameter.name.ends_with(kWeightEnding) && parameter.shape.size() >= 2;
}

std::string layerOf(const Parameter& parameter) {
  return parameter.name.substr(0, parameter.name.size() - kWeightEnding.size());
}

}  // namespace

LoraLayers::LoraLayers(const std::vector<LoraNetwork>& networks) {
  for (const LoraNetwork& network : networks) {
    Network& found = networks_[network.name];
    found.parameters = &network.parameters;
    for (Parameter& parameter : network.parameters.all()) {
      if (isMatrix(parameter)) found.by_flat_name.emplace(flat(layerOf(parameter)), &parameter);
    }
  }
}

Parameter* LoraLayers::find(const LoraName& name) const {
  const auto network = networks_.find(name.network);
  if (network == networks_.end()) return nullptr;
  const auto& [parameters, by_flat_name] = network->second;
  if (name.is_flat) {
    for (const std::string& layer : {name.layer, "text_model_" + name.layer}) {
      const auto found = by_flat_name.find(layer);
      if (found != by_flat_name.end()) return found->second;
    }
    return nullptr;
  }
  const std::string key = name.layer + std::string(kWeightEnding);
  const auto own = name.network == kTextEncoder ? clipTextKey(key) : key;
  Parameter* parameter = own ? parameters->find(*own) : nullptr;
  return parameter != nullptr && isMatrix(*parameter) ? parameter : nullptr;
}

std::string LoraLayers::fullName(const std::string& network, const Parameter& parameter) {
  return network + "." + parameter.name;
}

bool mayBeLoraLayer(const LoraName& name) {
  if (name.network == kTextEncoder) return name.layer.find("encoder") != name.layer.npos;
  if (name.network != "unet") return false;
  if (!name.is_flat) return isUNetKey(name.layer + ".");
  constexpr auto kParts = std::to_array<std::string_view>(
      {"conv_in", "time_embedding_", "down_blocks_", "mid_block_", "up_blocks_", "conv_out"});
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](std::string_view part) { return name.layer.starts_with(part); });
}

}  // namespace cameo::weights
