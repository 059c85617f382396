#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace cameo::weights {

/// A key of PEFT's `rank_pattern` and `alpha_pattern`: a regular expression for the end of a module's name,
/// of which these parts are known: characters, `.`, `\.` and the like, `\d`, each with `*`, `+` or `?`, and
/// `^` and `$` around.
class ModulePattern {
 public:
  /// None where the expression has other parts or more than 256 characters.
  static std::optional<ModulePattern> parse(std::string_view expression);

  /// Whether Python's re.match(rf"(.*\.)?({expression})$", name) finds something. Time: expression times
  /// name.
  bool matches(std::string_view name) const;

 private:
  enum class Kind { Any, Digit, Literal };
  struct Item {
    Kind kind = Kind::Any;
    char literal = 0;
    bool may_miss = false;
    bool may_repeat = false;
    bool fits(char character) const;
  };

  bool hasFixedLength() const;
  bool matchesFixed(std::string_view name) const;

  std::vector<Item> items_;
  bool is_whole_ = false;  // no part of the name may be before it
};

}  // namespace cameo::weights
