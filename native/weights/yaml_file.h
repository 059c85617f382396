#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace cameo::weights {

/// The plain YAML in which PyTorch programs keep their configs, as JSON: maps by indentation, lists of plain
/// values, numbers, texts, true, false and null. Anchors, tags, several documents and texts over several
/// lines are none of it. It nests at most 32 deep. `path` is for messages. Throws `ErrorCode::WeightsFormat`,
/// naming the line.
nlohmann::json parseYaml(std::string_view text, const std::string& path);

/// As `parseYaml`, from a file; an empty object where there is no such file.
nlohmann::json readYamlIfThere(const std::string& path);

}  // namespace cameo::weights
