#include "weights/convert/lora.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/error.h"
#include "weights/key_maps.h"
#include "weights/lora/file.h"
#include "weights/lora/names.h"
#include "weights/lora/scaling.h"
#include "weights/names/motion.h"
#include "weights/text.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

constexpr std::string_view kWeightName = ".weight";

/// Words in the names of Stable Diffusion 1's layers that have an underscore themselves.
constexpr auto kWords = std::to_array<std::string_view>(
    {"conv_in",   "conv_out",           "conv_shortcut", "down_blocks",    "fc_1",    "linear_1", "linear_2",
     "mid_block", "motion_modules",     "out_proj",      "k_proj",         "proj_in", "proj_out", "q_proj",
     "self_attn", "text_model",         "time_emb_proj", "time_embedding", "to_k",    "to_out",   "to_q",
     "to_v",      "transformer_blocks", "up_blocks",     "v_proj"});

/// Kohya's name of a layer, which has underscores for dots, with its dots.
std::string dotted(std::string_view flat) {
  std::string name;
  while (!flat.empty()) {
    size_t length = flat.find('_');
    if (length == flat.npos) length = flat.size();
    for (const std::string_view word : kWords) {
      const bool is_whole =
          flat.size() == word.size() || (flat.size() > word.size() && flat[word.size()] == '_');
      if (word.size() > length && flat.starts_with(word) && is_whole) length = word.size();
    }
    name += (name.empty() ? "" : ".") + std::string(flat.substr(0, length));
    flat.remove_prefix(std::min(flat.size(), length + 1));
  }
  return name;
}

[[noreturn]] void failLora(const TensorSource& source, const std::string& why) {
  throw Error(ErrorCode::WeightsMismatch, source.path + ": " + why);
}

/// One layer's parts, and its alpha, as the file or its metadata say it.
struct LoraTensors : LoraParts {
  std::optional<double> said_alpha = {};
};
/// By network and by the layer's name in it.
using LoraLayerTensors = std::map<std::pair<std::string, std::string>, LoraTensors>;

/// The layer in the names of diffusers' state dict.
std::string layerOf(const TensorSource& source, const LoraName& name) {
  const std::string key = (name.is_flat ? dotted(name.layer) : name.layer) + std::string(kWeightName);
  const std::optional<std::string> own =
      name.network == "text_encoder" ? clipTextKey(key) : motionKey(key).value_or(key);
  const bool is_text = name.network == "text_encoder";
  if (!own || (!is_text && !(name.network == "unet" && isUNetKey(*own)))) {
    failLora(source, quote(name.shown) + " is no layer's name in diffusers, which converting goes by");
  }
  return own->substr(0, own->size() - kWeightName.size());
}

LoraLayerTensors readLayers(const TensorSource& source) {
  LoraLayerTensors layers;
  std::map<std::string, std::optional<LoraScaling>> scalings;
  for (const auto& [place, parts] : readLoraParts(source)) {
    const std::string& network = place.first;
    const std::string name = layerOf(source, parts.name);
    if (parts.difference != nullptr) failLora(source, quote(parts.name.shown) + " is a whole difference");
    const auto [layer, is_new] = layers.try_emplace({network, name}, LoraTensors{parts});
    if (!is_new) failLora(source, quote(parts.name.shown) + " is there twice");
    const auto scaling = scalings.try_emplace(network, LoraScaling::read(source, network)).first->second;
    const int64_t rank = parts.down->shape[0];
    layer->second.said_alpha = loraAlphaOf(source, parts);
    if (parts.alpha == nullptr && scaling) {
      layer->second.said_alpha = scaling->scaleOf(name, rank) * static_cast<double>(rank);
    }
  }
  return layers;
}

std::string flattened(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

NamedTensors kohyaTensors(const LoraLayerTensors& layers) {
  NamedTensors tensors;
  for (const auto& [place, layer] : layers) {
    const auto& [network, name] = place;
    const std::string start = (network == "unet" ? "lora_unet_" : "lora_te_") + flattened(name);
    tensors.emplace_back(start + ".lora_down.weight", layer.down->view());
    tensors.emplace_back(start + ".lora_up.weight", layer.up->view());
    if (layer.mid != nullptr) tensors.emplace_back(start + ".lora_mid.weight", layer.mid->view());
    if (layer.alpha != nullptr) {
      tensors.emplace_back(start + ".alpha", layer.alpha->view());
    } else if (layer.said_alpha) {
      tensors.emplace_back(start + ".alpha", at::scalar_tensor(*layer.said_alpha, layer.down->dtype));
    }
  }
  return tensors;
}

NamedTensors peftTensors(const TensorSource& source, const LoraLayerTensors& layers) {
  NamedTensors tensors;
  for (const auto& [place, layer] : layers) {
    const std::string start = place.first + "." + place.second;
    if (layer.mid != nullptr) {
      failLora(source, quote(layer.mid->name) + ": PEFT's layout has no place for a third factor");
    }
    tensors.emplace_back(start + ".lora_A.weight", layer.down->view());
    tensors.emplace_back(start + ".lora_B.weight", layer.up->view());
  }
  return tensors;
}

std::string withoutStart(const std::string& name, std::string_view start) {
  return name.starts_with(start) ? name.substr(start.size()) : name;
}

/// A LoraConfig's fields, as diffusers writes them for each network; empty where no layer says an alpha.
json loraConfigs(const LoraLayerTensors& layers) {
  json fields = json::object();
  for (const auto& [place, layer] : layers) {
    const std::string& network = place.first;
    // PEFT finds layers by the ends of their names; newer versions of transformers have no such beginning.
    const std::string name = withoutStart(place.second, "text_model.");
    const int64_t rank = layer.down->shape[0];
    const double alpha = layer.said_alpha.value_or(static_cast<double>(rank));
    json& first_rank = fields[network + ".r"];
    if (first_rank.is_null()) {
      first_rank = rank;
      fields[network + ".lora_alpha"] = alpha;
      fields[network + ".rank_pattern"] = fields[network + ".alpha_pattern"] = json::object();
    }
    if (fields[network + ".r"] != rank) fields[network + ".rank_pattern"][name] = rank;
    if (fields[network + ".lora_alpha"] != alpha) fields[network + ".alpha_pattern"][name] = alpha;
    fields[network + ".target_modules"].push_back(name);
  }
  return fields;
}

bool saysAlpha(const LoraLayerTensors& layers) {
  return std::any_of(layers.begin(), layers.end(),
                     [](const auto& layer) { return layer.second.said_alpha.has_value(); });
}

}  // namespace

std::string otherLoraLayout(const TensorSource& source) {
  for (const TensorEntry& entry : source.entries) {
    const auto name = parseLoraName(entry.name);
    const bool is_peft = name && name->part != LoraPart::Alpha && name->naming == LoraNaming::Peft;
    if (name && name->part != LoraPart::Alpha && !is_peft) return "peft";
  }
  return "kohya";
}

void writeLora(const TensorSource& source, const std::string& layout, const std::string& file,
               Writing& writing) {
  const LoraLayerTensors layers = readLayers(source);
  std::map<std::string, std::string> metadata = source.metadata;
  metadata.erase(kLoraMetadata);
  const bool is_peft = layout == "peft";
  if (is_peft && saysAlpha(layers)) metadata[kLoraMetadata] = loraConfigs(layers).dump();
  const NamedTensors tensors = is_peft ? peftTensors(source, layers) : kohyaTensors(layers);
  writing.expect(tensors.size());
  writing.weights(file, tensors, metadata);
}

}  // namespace cameo::weights
