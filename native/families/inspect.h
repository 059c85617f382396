#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cameo::families {

/// `weights::inspect` with the "family" of a base; its "option" is null, with a "reason", for one that
/// loading would refuse.
nlohmann::json inspect(const std::string& path);

}  // namespace cameo::families
