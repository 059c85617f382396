#include "weights/lora/blocks.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kDefaultNetwork = "unet";
constexpr size_t kMostNamedBlocks = 12;

/// Whether the name is the part itself or within it.
bool isWithin(std::string_view name, std::string_view part) {
  if (part.empty()) return true;
  return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

/// The next words of the names within a part: "attentions", "resnets".
std::set<std::string> wordsWithin(std::string_view part, const std::vector<std::string>& names) {
  std::set<std::string> words;
  for (const std::string& name : names) {
    if (!isWithin(name, part) || name.size() == part.size()) continue;
    const size_t start = part.empty() ? 0 : part.size() + 1;
    words.insert(name.substr(start, name.find('.', start) - start));
  }
  return words;
}

bool isThere(std::string_view part, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return isWithin(name, part); });
}

std::string listWords(const std::set<std::string>& words) {
  std::string list;
  size_t count = 0;
  for (const std::string& word : words) {
    if (++count <= kMostNamedBlocks) list += (count > 1 ? ", " : "") + word;
  }
  return count <= kMostNamedBlocks ? list : c10::str(list, " and ", count - kMostNamedBlocks, " more");
}

[[noreturn]] void failBlock(const std::string& given, std::string part,
                            const std::vector<std::string>& names) {
  std::set<std::string> words;
  while (words.empty()) {
    part.erase(std::min(part.size(), part.rfind('.')));
    words = wordsWithin(part, names);
  }
  const bool is_network = part.find('.') == part.npos;
  if (is_network) words.merge(wordsWithin("", names));
  throw Error(ErrorCode::InvalidOption,
              c10::str("lora: blocks: nothing in this model is named ", quote(given),
                       is_network ? "; there is " : c10::str("; ", part, " has "), listWords(words)));
}

}  // namespace

LoraBlocks::LoraBlocks(const std::map<std::string, double>& scales,
                       const std::vector<LoraNetwork>& networks) {
  std::vector<std::string> names;
  for (const LoraNetwork& network : networks) {
    for (const Parameter& parameter : network.parameters.all()) {
      names.push_back(LoraLayers::fullName(network.name, parameter));
    }
  }
  for (const auto& [given, scale] : scales) {
    std::vector<std::string> parts{given};
    for (const LoraNetwork& network : networks) parts.push_back(c10::str(network.name, ".", given));
    const auto part = std::find_if(parts.begin(), parts.end(),
                                   [&](const std::string& name) { return isThere(name, names); });
    if (given.empty() || part == parts.end()) failBlock(given, c10::str(kDefaultNetwork, ".", given), names);
    scales_[*part] = scale;
  }
}

double LoraBlocks::scaleOf(const std::string& network, const Parameter& parameter) const {
  const std::string name = LoraLayers::fullName(network, parameter);
  size_t longest = 0;
  double result = 1;
  for (const auto& [part, scale] : scales_) {
    if (part.size() < longest || !isWithin(name, part)) continue;
    longest = part.size();
    result = scale;
  }
  return result;
}

}  // namespace cameo::weights
