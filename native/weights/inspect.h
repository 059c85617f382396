#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cameo::weights {

/// What a weight file or folder is: kind, the option that takes it, format, files, size, counts, dtypes,
/// metadata and every key with its dtype and shape. Runs nothing in it. Throws as `openWeights`.
nlohmann::json inspect(const std::string& path);

}  // namespace cameo::weights
