#include "weights/text.h"

#include <c10/util/StringUtil.h>

#include <cstdio>
#include <nlohmann/json.hpp>

namespace cameo::weights {

namespace {

constexpr size_t kLongestQuote = 120;
constexpr size_t kNamesListed = 4;

// The length of the UTF-8 sequence that starts with this byte, and the smallest code point it may encode.
struct Lead {
  size_t length;
  uint32_t smallest;
};

Lead leadOf(uint8_t byte) {
  if (byte < 0x80) return {1, 0};
  if ((byte & 0xe0) == 0xc0) return {2, 0x80};
  if ((byte & 0xf0) == 0xe0) return {3, 0x800};
  if ((byte & 0xf8) == 0xf0) return {4, 0x10000};
  return {0, 0};
}

}  // namespace

void failFormat(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::WeightsFormat, c10::str(path, ": ", why));
}

std::string quote(std::string_view text) {
  const bool is_long = text.size() > kLongestQuote;
  const nlohmann::json shown = std::string(text.substr(0, kLongestQuote)) + (is_long ? "..." : "");
  return shown.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool isUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i]);
    const auto [length, smallest] = leadOf(first);
    if (length == 0 || length > text.size() - i) return false;
    uint32_t point = length == 1 ? first : first & (0x7f >> length);
    for (size_t j = 1; j < length; ++j) {
      const auto next = static_cast<uint8_t>(text[i + j]);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3f);
    }
    if (point < smallest || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += length;
  }
  return true;
}

std::string listNames(const std::vector<std::string>& names) {
  std::string list;
  for (size_t i = 0; i < names.size() && i < kNamesListed; ++i) list += (i > 0 ? ", " : "") + quote(names[i]);
  if (names.size() > kNamesListed) list += c10::str(" and ", names.size() - kNamesListed, " more");
  return list;
}

std::string bytesText(uint64_t bytes) {
  const bool is_large = bytes >= 1'000'000'000;
  char text[32];
  std::snprintf(text, sizeof text, is_large ? "%.1f GB" : "%.1f MB",
                static_cast<double>(bytes) / (is_large ? 1e9 : 1e6));
  return text;
}

}  // namespace cameo::weights
