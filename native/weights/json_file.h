#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace cameo::weights {

constexpr uint64_t kLongestConfig = 1 << 20;

/// Reads a JSON object from a file of at most `limit` bytes that nests at most 32 deep. Throws
/// `ErrorCode::WeightsFormat`.
nlohmann::json readJson(const std::string& path, uint64_t limit = kLongestConfig);

}  // namespace cameo::weights
