#include "weights/lora/layers.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>

#include "models/motion_names.h"
#include "weights/key_maps.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/motion.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kWeightEnding = ".weight";
constexpr std::string_view kUNet = "unet", kTextEncoder = "text_encoder";

/// The starts of the original names of Stable Diffusion's layers, with underscores for dots.
constexpr auto kLdmParts = std::to_array<std::string_view>(
    {"input_blocks_", "middle_block_", "output_blocks_", "time_embed_", "out_2"});

std::string flat(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

/// Without biases, and without norms, which have vectors for weights.
bool isMatrix(const Parameter& parameter) {
  return parameter.name.ends_with(kWeightEnding) && parameter.shape.size() >= 2;
}

std::string layerOf(const std::string& name) {
  return name.substr(0, name.size() - kWeightEnding.size());
}

/// The names that parameters of a UNet have in other layouts than diffusers'.
std::vector<std::string> otherNames(const Parameter& parameter, const NameTable& ldm) {
  if (models::isMotionName(parameter.name)) return originalMotionKeys(parameter.name);
  const auto theirs = ldm.toTheirs(parameter.name);
  return theirs ? std::vector{*theirs} : std::vector<std::string>{};
}

}  // namespace

LoraLayers::LoraLayers(const std::vector<LoraNetwork>& networks) {
  for (const LoraNetwork& network : networks) {
    Network& found = networks_[network.name];
    found.parameters = &network.parameters;
    const bool is_unet = network.name == kUNet;
    const auto has = [&](const std::string& layer) {
      return network.parameters.find(layer + std::string(kWeightEnding)) != nullptr;
    };
    const NameTable ldm = is_unet ? ldmUNetNames(diffusersUNetBlocks(has)) : NameTable();
    for (Parameter& parameter : network.parameters.all()) {
      if (!isMatrix(parameter)) continue;
      found.by_flat_name.emplace(flat(layerOf(parameter.name)), &parameter);
      if (!is_unet) continue;
      for (const std::string& name : otherNames(parameter, ldm)) {
        found.by_flat_name.emplace(flat(layerOf(name)), &parameter);
      }
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
  const auto own = name.network == kTextEncoder ? clipTextKey(key) : motionKey(key).value_or(key);
  Parameter* parameter = own ? parameters->find(*own) : nullptr;
  return parameter != nullptr && isMatrix(*parameter) ? parameter : nullptr;
}

std::string LoraLayers::fullName(const std::string& network, const Parameter& parameter) {
  return network + "." + parameter.name;
}

bool mayBeLoraLayer(const LoraName& name) {
  if (name.network == kTextEncoder) return name.layer.find("encoder") != name.layer.npos;
  if (name.network != kUNet) return false;
  if (!name.is_flat) return isUNetKey(name.layer + ".");
  constexpr auto kParts = std::to_array<std::string_view>(
      {"conv_in", "time_embedding_", "down_blocks_", "mid_block_", "up_blocks_", "conv_out"});
  const auto starts = [&](std::string_view part) { return name.layer.starts_with(part); };
  return std::any_of(kParts.begin(), kParts.end(), starts) ||
         std::any_of(kLdmParts.begin(), kLdmParts.end(), starts);
}

}  // namespace cameo::weights
