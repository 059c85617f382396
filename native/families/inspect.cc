#include "families/inspect.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "families/families.h"
#include "weights/inspect.h"

namespace cameo::families {

nlohmann::json inspect(const std::string& path) {
  nlohmann::json inspection = weights::inspect(path);
  if (inspection["option"] != "--base") return inspection;
  try {
    pipeline::LoadOptions options;
    options.base = inspection["argument"];
    options.device = "cpu";
    options.check_only = true;
    const auto model = loadPipeline(options, [](const pipeline::Progress&) {}, {});
    inspection["family"] = model->description["family"];
  } catch (const Error& error) {
    inspection["option"] = inspection["argument"] = nullptr;
    inspection["reason"] = error.what();
  }
  return inspection;
}

}  // namespace cameo::families
