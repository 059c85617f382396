#include "weights/yaml_file.h"

#include <c10/util/StringUtil.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <vector>

#include "weights/json_file.h"
#include "weights/mapped_file.h"
#include "weights/text.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

constexpr size_t kDeepestYaml = 32;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// The line up to a comment, which begins after a space.
std::string_view withoutComment(std::string_view line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quote != 0) {
      if (line[i] == quote) quote = 0;
    } else if (line[i] == '"' || line[i] == '\'') {
      quote = line[i];
    } else if (line[i] == '#' && (i == 0 || line[i - 1] == ' ')) {
      return line.substr(0, i);
    }
  }
  return line;
}

json plainValue(std::string_view text) {
  const bool is_quoted =
      text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text.front();
  if (is_quoted) return std::string(text.substr(1, text.size() - 2));
  if (text.empty() || text == "~" || text == "null" || text == "Null") return nullptr;
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  const char* end = text.data() + text.size();
  int64_t whole = 0;
  if (const auto read = std::from_chars(text.data(), end, whole); read.ec == std::errc() && read.ptr == end) {
    return whole;
  }
  double number = 0;
  if (const auto read = std::from_chars(text.data(), end, number);
      read.ec == std::errc() && read.ptr == end) {
    return number;
  }
  return std::string(text);
}

/// A value on one line: plain, or a list in brackets of such.
json lineValue(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return plainValue(text);
  json list = json::array();
  std::string_view rest = trimmed(text.substr(1, text.size() - 2));
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    list.push_back(plainValue(trimmed(rest.substr(0, comma))));
    rest = comma == rest.npos ? "" : trimmed(rest.substr(comma + 1));
  }
  return list;
}

/// A place of the document into which lines that are indented as much go.
struct Level {
  size_t indent;
  json* value;
};

class YamlReader {
 public:
  explicit YamlReader(const std::string& path) : path_(path) { levels_.push_back({0, &root_}); }

  void read(std::string_view line) {
    ++number_;
    const std::string_view content = withoutComment(line);
    const std::string_view text = trimmed(content);
    if (text.empty() || text == "---") return;
    const size_t indent = content.find_first_not_of(' ');
    if (text.starts_with("- ") || text == "-") return addItem(indent, trimmed(text.substr(1)));
    const size_t colon = text.find(':');
    const bool is_pair =
        colon != text.npos && colon > 0 && (colon + 1 == text.size() || text[colon + 1] == ' ');
    if (!is_pair) fail("neither a field nor an item of a list");
    addField(indent, trimmed(text.substr(0, colon)), trimmed(text.substr(colon + 1)));
  }

  json result() { return std::move(root_); }

 private:
  [[noreturn]] void fail(const char* why) const {
    failFormat(path_, c10::str("line ", number_, " is ", why, ", as far as YAML is read here"));
  }

  /// The deepest level that is indented so, or begins to be.
  json& place(size_t indent) {
    if (opened_ != nullptr && indent > levels_.back().indent) {
      if (levels_.size() == kDeepestYaml) fail("nested too deep");
      levels_.push_back({indent, opened_});
    }
    while (levels_.size() > 1 && levels_.back().indent > indent) levels_.pop_back();
    if (levels_.back().indent != indent) fail("indented as no line before it");
    return *levels_.back().value;
  }

  void addField(size_t indent, std::string_view name, std::string_view value) {
    json& map = place(indent);
    if (!map.is_null() && !map.is_object()) fail("a field within a list");
    json& field = map[std::string(name)];
    if (!field.is_null()) fail("a field that is there already");
    field = lineValue(value);
    opened_ = field.is_null() ? &field : nullptr;
    list_ = nullptr;
  }

  /// A list may stand below its field without being indented.
  json& listAt(size_t indent) {
    if (indent != levels_.back().indent) return place(indent);
    if (opened_ != nullptr) list_ = opened_;
    return list_ != nullptr ? *list_ : place(indent);
  }

  void addItem(size_t indent, std::string_view value) {
    json& list = listAt(indent);
    if (!list.is_null() && !list.is_array()) fail("an item of a list within fields");
    list.push_back(lineValue(value));
    opened_ = nullptr;
  }

  const std::string& path_;
  json root_;
  std::vector<Level> levels_;
  json* opened_ = nullptr;  // the field without a value on the line before
  json* list_ = nullptr;    // the list that is not indented more than its field
  size_t number_ = 0;
};

}  // namespace

json parseYaml(std::string_view text, const std::string& path) {
  YamlReader reader(path);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    reader.read(text.substr(0, end));
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  json result = reader.result();
  if (result.is_null()) return json::object();
  if (!result.is_object()) failFormat(path, "this YAML file has no fields");
  return result;
}

json readYamlIfThere(const std::string& path) {
  std::error_code unreadable;
  if (!std::filesystem::exists(path, unreadable)) return json::object();
  const auto file = MappedFile::open(path);
  if (file->size() > kLongestConfig) failFormat(path, "it is too long for a config");
  return parseYaml(file->text(), path);
}

}  // namespace cameo::weights
