#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cameo::weights {

/// Names of modules in two layouts, one to one. A tensor's name is its module's and what follows a dot.
class NameTable {
 public:
  /// `theirs` is the other layout's name, `ours` the one in diffusers' state dict.
  void add(const std::string& theirs, const std::string& ours);
  /// All of `other`, with these before its names.
  void addAll(const NameTable& other, const std::string& theirs, const std::string& ours);

  /// Nullopt for a tensor of a module that isn't listed.
  std::optional<std::string> toOurs(std::string_view name) const { return translated(ours_, name); }
  std::optional<std::string> toTheirs(std::string_view name) const { return translated(theirs_, name); }

 private:
  using Names = std::map<std::string, std::string, std::less<>>;
  static std::optional<std::string> translated(const Names& names, std::string_view name);

  Names ours_;    // by theirs
  Names theirs_;  // by ours
};

}  // namespace cameo::weights
