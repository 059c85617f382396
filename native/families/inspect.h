#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cameo::families {

/// `weights::inspect`, whose "option" is null, with a "reason", for a base folder that loading would refuse.
nlohmann::json inspect(const std::string& path);

}  // namespace cameo::families
