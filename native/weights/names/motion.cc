#include "weights/names/motion.h"

#include <ATen/ops/equal.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "models/motion_names.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kWrapper = ".temporal_transformer.";
constexpr std::string_view kFirstTable = ".attention_blocks.0.pos_encoder.";
constexpr std::string_view kSecondTable = ".attention_blocks.1.pos_encoder.";

using Rename = std::pair<std::string_view, std::string_view>;

/// Within a transformer block: AnimateDiff's, diffusers'. The first comes before what it begins with.
constexpr std::array<Rename, 6> kParts{{
    {kFirstTable, ".pos_embed."},
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

std::vector<std::string> originalMotionKeys(std::string_view key) {
  std::string name(key);
  for (const auto& [theirs, ours] : kParts) {
    if (replace(name, ours, theirs)) break;
  }
  const size_t number = name.find(models::kMotionModules);
  const size_t end = number == name.npos ? name.npos : name.find('.', number + models::kMotionModules.size());
  if (end == name.npos) return {name};
  name.insert(end, kWrapper.substr(0, kWrapper.size() - 1));
  std::string second = name;
  if (!replace(second, kFirstTable, kSecondTable)) return {name};
  return {name, second};
}

void requireEqualTables(const TensorSource& source) {
  std::unordered_map<std::string, const TensorEntry*> seconds;
  for (const TensorEntry& entry : source.entries) {
    std::string name = entry.name;
    if (replace(name, kSecondTable, kFirstTable)) seconds.emplace(name, &entry);
  }
  for (const TensorEntry& entry : source.entries) {
    const auto second = seconds.find(entry.name);
    if (second == seconds.end() || at::equal(entry.view(), second->second->view())) continue;
    throw Error(ErrorCode::WeightsMismatch, source.path +
                                                ": diffusers' layout has one position table a block, but " +
                                                quote(entry.name) + " is not the second attention's");
  }
}

}  // namespace cameo::weights
