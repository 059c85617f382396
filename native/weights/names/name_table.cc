#include "weights/names/name_table.h"

namespace cameo::weights {

void NameTable::add(const std::string& theirs, const std::string& ours) {
  ours_.emplace(theirs, ours);
  theirs_.emplace(ours, theirs);
}

void NameTable::addAll(const NameTable& other, const std::string& theirs, const std::string& ours) {
  for (const auto& [from, to] : other.ours_) add(theirs + from, ours + to);
}

std::optional<std::string> NameTable::translated(const Names& names, std::string_view name) {
  for (size_t end = name.size(); end != name.npos; end = end == 0 ? name.npos : name.rfind('.', end - 1)) {
    const auto found = names.find(name.substr(0, end));
    if (found != names.end()) return found->second + std::string(name.substr(end));
  }
  return std::nullopt;
}

}  // namespace cameo::weights
