#include "weights/names/ip_adapter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "weights/row_parts.h"

namespace cameo::weights {

namespace {

using Rename = std::pair<std::string_view, std::string_view>;

/// The beginnings of names within a projection: the authors', diffusers'.
constexpr std::array<Rename, 5> kProjectionNames{{
    {"proj.0.", "ff.net.0.proj."},
    {"proj.2.", "ff.net.2."},
    {"proj.3.", "norm."},
    {"proj.weight", "image_embeds.weight"},
    {"proj.bias", "image_embeds.bias"},
}};
/// The same within one of the resampler's layers.
constexpr std::array<Rename, 6> kLayerNames{{
    {"0.norm1.", "ln0."},
    {"0.norm2.", "ln1."},
    {"0.to_", "attn.to_"},
    {"1.0.", "ff.0."},
    {"1.1.", "ff.1.net.0.proj."},
    {"1.3.", "ff.1.net.2."},
}};
constexpr std::string_view kLayers = "layers.", kOldOut = ".to_out.weight", kNewOut = ".to_out.0.weight";

template <size_t count>
std::string begunAnew(std::string_view name, const std::array<Rename, count>& table) {
  for (const auto& [theirs, ours] : table) {
    if (name.starts_with(theirs)) return std::string(ours) + std::string(name.substr(theirs.size()));
  }
  return std::string(name);
}

std::string projectionName(std::string_view key) {
  const size_t dot = key.starts_with(kLayers) ? key.find('.', kLayers.size()) : key.npos;
  if (dot == key.npos) return std::string(kImageProjection) + begunAnew(key, kProjectionNames);
  std::string name = begunAnew(key.substr(dot + 1), kLayerNames);
  if (name.ends_with(kOldOut)) name.replace(name.size() - kOldOut.size(), kOldOut.size(), kNewOut);
  return std::string(kImageProjection) + std::string(key.substr(0, dot + 1)) + name;
}

/// Of an attention's processor in a UNet of diffusers.
std::optional<std::string> processorName(std::string_view part, size_t number) {
  for (const std::string_view name : {"to_k_ip", "to_v_ip"}) {
    if (part != std::string(name) + ".0.weight") continue;
    return std::string(kIpAttention) + std::to_string(number) + "." + std::string(name) + ".weight";
  }
  return std::nullopt;
}

}  // namespace

KeyMap ipAdapterKeys(const std::vector<models::CrossAttention>& attentions) {
  return [attentions](std::string_view key) -> std::optional<std::string> {
    for (const std::string_view start : {kImageProjection, kDiffusersProjection}) {
      if (key.starts_with(start)) return projectionName(key.substr(start.size()));
    }
    if (key.starts_with(kIpAttention)) return std::string(key);
    for (size_t i = 0; i < attentions.size(); ++i) {
      const std::string start = attentions[i].name + ".processor.";
      if (key.starts_with(start)) return processorName(key.substr(start.size()), 2 * i + 1);
    }
    return isUNetKey(key) ? std::nullopt : std::optional(std::string(key));
  };
}

TensorSource withKeysAndValuesApart(const TensorSource& source) {
  return withRowsApart(source, {{".to_kv.weight", {".to_k.weight", ".to_v.weight"}}});
}

}  // namespace cameo::weights
