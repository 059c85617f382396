#include "weights/key_maps.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cameo::weights {

namespace {

using Rename = std::pair<std::string_view, std::string_view>;

constexpr std::array<Rename, 4> kOldVaeAttention{{
    {".query.", ".to_q."},
    {".key.", ".to_k."},
    {".value.", ".to_v."},
    {".proj_attn.", ".to_out.0."},
}};

constexpr auto kUNetParts =
    std::to_array<std::string_view>({"conv_in.", "time_embedding.", "down_blocks.", "mid_block.",
                                     "up_blocks.", "conv_norm_out.", "conv_out."});

constexpr std::string_view kTextModel = "text_model.", kVisionModel = "vision_model.";

}  // namespace

std::optional<std::string> unetKey(std::string_view key) {
  return std::string(key);
}

bool isUNetKey(std::string_view key) {
  return std::any_of(kUNetParts.begin(), kUNetParts.end(),
                     [&](std::string_view part) { return key.starts_with(part); });
}

std::optional<std::string> vaeKey(std::string_view key) {
  std::string name(key);
  if (name.find(".attentions.") == std::string::npos) return name;
  for (const auto& [old_part, new_part] : kOldVaeAttention) {
    const size_t at = name.find(old_part);
    if (at != std::string::npos) return name.replace(at, old_part.size(), new_part);
  }
  return name;
}

std::optional<std::string> clipTextKey(std::string_view key) {
  const bool is_other_tower = key.starts_with("vision_model.") || key.starts_with("visual_projection.") ||
                              key.starts_with("text_projection.") || key == "logit_scale";
  if (is_other_tower || key.ends_with("embeddings.position_ids")) return std::nullopt;
  return key.starts_with(kTextModel) ? std::string(key) : std::string(kTextModel) + std::string(key);
}

std::optional<std::string> clipVisionKey(std::string_view key) {
  const bool is_other_tower =
      key.starts_with(kTextModel) || key.starts_with("text_projection.") || key == "logit_scale";
  if (is_other_tower || key.ends_with("embeddings.position_ids")) return std::nullopt;
  const bool is_whole = key.starts_with(kVisionModel) || key.starts_with("visual_projection.");
  return is_whole ? std::string(key) : std::string(kVisionModel) + std::string(key);
}

}  // namespace cameo::weights
