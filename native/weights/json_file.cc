#include "weights/json_file.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "weights/mapped_file.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr int kDeepest = 32;
constexpr std::array<std::string_view, 3> kPythonNumbers{"NaN", "Infinity", "-Infinity"};

/// The one that `text` starts with; empty where it starts with none.
std::string_view pythonNumberAt(std::string_view text) {
  const auto found = std::find_if(kPythonNumbers.begin(), kPythonNumbers.end(),
                                  [&](std::string_view number) { return text.starts_with(number); });
  return found == kPythonNumbers.end() ? std::string_view() : *found;
}

std::string quotePythonNumbers(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view number = in_string ? std::string_view() : pythonNumberAt(text.substr(i));
    if (!number.empty()) {
      result.append("\"").append(number).append("\"");
      i += number.size() - 1;
      continue;
    }
    result += text[i];
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] == '\\' && i + 1 < text.size()) result += text[++i];
  }
  return result;
}

bool hasPythonNumber(std::string_view text) {
  return text.find("NaN") != text.npos || text.find("Infinity") != text.npos;
}

}  // namespace

nlohmann::json parseJson(std::string_view text, const std::string& path) {
  const std::string quoted = hasPythonNumber(text) ? quotePythonNumbers(text) : "";
  const auto check_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDeepest) failFormat(path, "this JSON file is nested too deep");
    return true;
  };
  try {
    auto json = nlohmann::json::parse(quoted.empty() ? text : quoted, check_depth);
    if (!json.is_object()) failFormat(path, "this JSON file is not an object");
    return json;
  } catch (const nlohmann::json::parse_error& error) {
    failFormat(path, c10::str("this is not valid JSON (byte ", error.byte,
                              "); correct it there, or fetch the file again"));
  } catch (const nlohmann::json::out_of_range&) {
    failFormat(path, "this JSON file has a number that is too large");
  }
}

nlohmann::json readJson(const std::string& path, uint64_t limit) {
  const auto file = MappedFile::open(path);
  if (file->size() > limit) {
    failFormat(path, c10::str("its ", bytesText(file->size()), " are too many for this JSON file (at most ",
                              bytesText(limit), ")"));
  }
  return parseJson(file->text(), path);
}

nlohmann::json readJsonIfThere(const std::string& path) {
  std::error_code unreadable;
  return std::filesystem::exists(path, unreadable) ? readJson(path) : nlohmann::json::object();
}

}  // namespace cameo::weights
