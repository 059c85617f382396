#include "weights/lora/layers.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <string>

#include "models/motion_names.h"
#include "weights/key_maps.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/motion.h"
#include "weights/names/wan.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kWeightEnding = ".weight";
constexpr std::string_view kUNet = "unet", kTextEncoder = "text_encoder", kTransformer = "transformer";
constexpr std::string_view kBiasEnding = ".bias";

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

/// The names that parameters have in other layouts than diffusers', of which `theirs` has one.
std::vector<std::string> otherNames(const Parameter& parameter, const NameTable& theirs) {
  if (models::isMotionName(parameter.name)) return originalMotionKeys(parameter.name);
  const auto name = theirs.toTheirs(parameter.name);
  return name ? std::vector{*name} : std::vector<std::string>{};
}

/// Of a transformer of Wan's.
NameTable releasedNamesOf(ParameterSet& parameters) {
  if (parameters.find("condition_embedder.time_proj.weight") == nullptr) return {};
  int64_t layers = 0;
  while (parameters.find(c10::str("blocks.", layers, ".attn1.to_q.weight")) != nullptr) ++layers;
  return wanTransformerNames(layers);
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
    found.released = releasedNamesOf(network.parameters);
    const NameTable theirs = is_unet ? ldmUNetNames(diffusersUNetBlocks(has)) : found.released;
    for (Parameter& parameter : network.parameters.all()) {
      if (!isMatrix(parameter)) continue;
      found.by_flat_name.emplace(flat(layerOf(parameter.name)), &parameter);
      for (const std::string& name : otherNames(parameter, theirs)) {
        found.by_flat_name.emplace(flat(layerOf(name)), &parameter);
      }
    }
  }
}

std::string LoraLayers::networkOf(const LoraName& name) const {
  if (networks_.contains(name.network)) return name.network;
  const std::string transformer(kTransformer);
  return name.network == kUNet && networks_.contains(transformer) ? transformer : "";
}

Parameter* LoraLayers::find(const LoraName& name) const {
  const auto network = networks_.find(networkOf(name));
  if (network == networks_.end()) return nullptr;
  const auto& [parameters, by_flat_name, released] = network->second;
  if (name.is_flat) {
    for (const std::string& layer : {name.layer, "text_model_" + name.layer}) {
      const auto found = by_flat_name.find(layer);
      if (found != by_flat_name.end()) return found->second;
    }
    return nullptr;
  }
  const bool is_whole = name.part == LoraPart::Difference;
  if (is_whole) {
    // A table has no module of its own.
    if (Parameter* table = parameters->find(released.toOurs(name.layer).value_or(name.layer))) return table;
  }
  const bool is_bias = name.part == LoraPart::BiasDifference;
  const std::string key = name.layer + std::string(is_bias ? kBiasEnding : kWeightEnding);
  const auto own = name.network == kTextEncoder ? clipTextKey(key)
                                                : released.toOurs(key).value_or(motionKey(key).value_or(key));
  Parameter* parameter = own ? parameters->find(*own) : nullptr;
  return parameter != nullptr && (is_whole || is_bias || isMatrix(*parameter)) ? parameter : nullptr;
}

std::string LoraLayers::fullName(const std::string& network, const Parameter& parameter) {
  return network + "." + parameter.name;
}

bool mayBeLoraLayer(const LoraName& name) {
  if (name.network == kTextEncoder) return name.layer.find("encoder") != name.layer.npos;
  const auto isWan = [&](const char* end) {
    constexpr auto kWanParts =
        std::to_array<const char*>({"blocks", "patch_embedding", "condition_embedder", "time_embedding",
                                    "text_embedding", "time_projection", "head", "proj_out"});
    return std::any_of(kWanParts.begin(), kWanParts.end(), [&](const char* part) {
      return name.layer == part || name.layer.starts_with(std::string(part) + end);
    });
  };
  if (name.network == kTransformer || name.network == kUNet) {
    if (isWan(name.is_flat ? "_" : ".")) return true;
  }
  if (name.network == kTransformer) {  // CogVideoX's
    const std::string layer = flat(name.layer);
    return layer.starts_with("transformer_blocks_") && layer.find("_attn1_") != layer.npos;
  }
  if (name.network != kUNet) return false;
  if (!name.is_flat) return isUNetKey(name.layer + ".");
  constexpr auto kParts = std::to_array<std::string_view>(
      {"conv_in", "time_embedding_", "down_blocks_", "mid_block_", "up_blocks_", "conv_out"});
  const auto starts = [&](std::string_view part) { return name.layer.starts_with(part); };
  return std::any_of(kParts.begin(), kParts.end(), starts) ||
         std::any_of(kLdmParts.begin(), kLdmParts.end(), starts);
}

}  // namespace cameo::weights
