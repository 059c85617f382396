#include "weights/module_pattern.h"

#include <algorithm>
#include <cctype>

namespace cameo::weights {

namespace {

constexpr size_t kLongest = 256;
constexpr std::string_view kUnknown = "()[]{}|*+?^$";

}  // namespace

std::optional<ModulePattern> ModulePattern::parse(std::string_view expression) {
  if (expression.size() > kLongest) return std::nullopt;
  ModulePattern pattern;
  pattern.is_whole_ = expression.starts_with('^');
  if (pattern.is_whole_) expression.remove_prefix(1);
  if (expression.ends_with('$') && !expression.ends_with("\\$")) expression.remove_suffix(1);
  for (size_t i = 0; i < expression.size(); ++i) {
    Item item{.kind = Kind::Literal, .literal = expression[i]};
    if (item.literal == '\\') {
      if (++i == expression.size()) return std::nullopt;
      item.literal = expression[i];
      if (item.literal == 'd') item.kind = Kind::Digit;
      const bool is_class = std::isalnum(static_cast<unsigned char>(item.literal)) != 0;
      if (is_class && item.kind != Kind::Digit) return std::nullopt;
    } else if (item.literal == '.') {
      item.kind = Kind::Any;
    } else if (kUnknown.find(item.literal) != kUnknown.npos) {
      return std::nullopt;
    }
    const char count = i + 1 < expression.size() ? expression[i + 1] : '\0';
    item.may_miss = count == '*' || count == '?';
    item.may_repeat = count == '*' || count == '+';
    if (item.may_miss || item.may_repeat) ++i;
    pattern.items_.push_back(item);
  }
  return pattern;
}

bool ModulePattern::Item::fits(char character) const {
  if (kind == Kind::Any) return true;
  return kind == Kind::Digit ? character >= '0' && character <= '9' : character == literal;
}

bool ModulePattern::hasFixedLength() const {
  return std::none_of(items_.begin(), items_.end(),
                      [](const Item& item) { return item.may_miss || item.may_repeat; });
}

bool ModulePattern::matchesFixed(std::string_view name) const {
  if (name.size() < items_.size()) return false;
  const size_t start = name.size() - items_.size();
  if (start > 0 && (is_whole_ || name[start - 1] != '.')) return false;
  return std::equal(items_.begin(), items_.end(), name.begin() + static_cast<std::ptrdiff_t>(start),
                    [](const Item& item, char character) { return item.fits(character); });
}

bool ModulePattern::matches(std::string_view name) const {
  if (hasFixedLength()) return matchesFixed(name);
  std::vector<bool> reached(name.size() + 1);  // places of the name at which the next item may stand
  for (size_t i = 0; i <= name.size(); ++i) reached[i] = i == 0 || (!is_whole_ && name[i - 1] == '.');
  for (const Item& item : items_) {
    std::vector<bool> after(name.size() + 1);
    for (size_t i = 0; i <= name.size(); ++i) {
      if (item.may_miss && reached[i]) after[i] = true;
      const bool may_stand = reached[i] || (item.may_repeat && after[i]);
      if (i < name.size() && may_stand && item.fits(name[i])) after[i + 1] = true;
    }
    reached = after;
  }
  return reached[name.size()];
}

}  // namespace cameo::weights
