#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace cameo::weights {

/// The error that every reader throws for a damaged or unsuitable file.
[[noreturn]] void failFormat(const std::string& path, const std::string& why);

/// A string from an untrusted file, fit for one line of a message: in quotes, escaped, cut when long.
std::string quote(std::string_view text);

bool isUtf8(std::string_view text);

/// The first few of `names`, quoted: `"a", "b", "c" and 12 more`.
std::string listNames(const std::vector<std::string>& names);

/// `2.8 GB`
std::string bytesText(uint64_t bytes);

}  // namespace cameo::weights
