#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace cameo::weights {

constexpr uint64_t kLongestConfig = 1 << 20;

/// Parses a JSON object that nests at most 32 deep. Python's NaN, Infinity and -Infinity, which JSON doesn't
/// have, become strings, so that a field that takes a number refuses them. `path` is for messages. Throws
/// `ErrorCode::WeightsFormat`.
nlohmann::json parseJson(std::string_view text, const std::string& path);

/// As `parseJson`, from a file of at most `limit` bytes.
nlohmann::json readJson(const std::string& path, uint64_t limit = kLongestConfig);

/// The same; an empty object where there is no such file.
nlohmann::json readJsonIfThere(const std::string& path);

}  // namespace cameo::weights
