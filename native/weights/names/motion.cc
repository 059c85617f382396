#include "weights/names/motion.h"

#include <algorithm>
#include <array>
#include <utility>

#include "models/motion_names.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kWrapper = ".temporal_transformer.";
constexpr std::string_view kSecondTable = ".attention_blocks.1.pos_encoder.";

using Rename = std::pair<std::string_view, std::string_view>;

/// Within a transformer block: AnimateDiff's, diffusers'. The first comes before what it begins with.
constexpr std::array<Rename, 6> kParts{{
    {".attention_blocks.0.pos_encoder.", ".pos_embed."},
    {".attention_blocks.0.", ".attn1."},
    {".attention_blocks.1.", ".attn2."},
    {".norms.0.", ".norm1."},
    {".norms.1.", ".norm2."},
    {".ff_norm.", ".norm3."},
}};

bool replace(std::string& name, std::string_view part, std::string_view by) {
  const size_t at = name.find(part);
  if (at == name.npos) return false;
  name.replace(at, part.size(), by);
  return true;
}

}  // namespace

bool isOriginalMotion(const TensorSource& source) {
  return std::any_of(source.entries.begin(), source.entries.end(), [](const TensorEntry& entry) {
    return models::isMotionName(entry.name) && entry.name.find(kWrapper) != entry.name.npos;
  });
}

std::optional<std::string> motionKey(std::string_view key) {
  std::string name(key);
  if (!models::isMotionName(key) || name.find(kSecondTable) != name.npos) return std::nullopt;
  replace(name, kWrapper, ".");
  for (const auto& [theirs, ours] : kParts) {
    if (replace(name, theirs, ours)) break;
  }
  return name;
}

std::string originalMotionKey(std::string_view key) {
  std::string name(key);
  for (const auto& [theirs, ours] : kParts) {
    if (replace(name, ours, theirs)) break;
  }
  const size_t number = name.find(models::kMotionModules);
  if (number == name.npos) return name;
  const size_t end = name.find('.', number + models::kMotionModules.size());
  if (end != name.npos) name.insert(end, kWrapper.substr(0, kWrapper.size() - 1));
  return name;
}

}  // namespace cameo::weights
