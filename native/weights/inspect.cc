#include "weights/inspect.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "weights/diffusers_folder.h"
#include "weights/identify.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json optionJson(std::string_view option) {
  return option.empty() ? json(nullptr) : json(option);
}

json inspectFile(const std::string& path) {
  const auto source = openWeights(path);
  const Identity identity = identify(source->entries);
  json dtypes = json::object();
  json keys = json::array();
  int64_t parameters = 0;
  for (const TensorEntry& entry : source->entries) {
    const std::string dtype = storedDtypeName(entry.dtype);
    dtypes[dtype] = dtypes.value(dtype, 0) + 1;
    parameters += entry.numel();
    keys.push_back({{"name", entry.name}, {"dtype", dtype}, {"shape", entry.shape}});
  }
  uint64_t bytes = 0;
  for (const std::string& file : source->files) bytes += fs::file_size(file);
  return {{"path", path},
          {"kind", identity.kind},
          {"description", identity.description},
          {"option", optionJson(identity.option)},
          {"format", source->format},
          {"files", source->files},
          {"bytes", bytes},
          {"tensors", source->entries.size()},
          {"parameters", parameters},
          {"dtypes", dtypes},
          {"metadata", source->metadata},
          {"keys", keys}};
}

json inspectComponent(const std::string& folder) {
  const ComponentFolder component = openComponent(folder, "the component");
  json inspection = inspectFile(component.weights);
  inspection["path"] = folder;
  inspection["config"] = component.config;
  return inspection;
}

// Sums up `components`, which a pipeline's model_index.json names.
json inspectPipeline(const std::string& folder) {
  const json index = readJson((fs::path(folder) / "model_index.json").string());
  const auto name = index.find("_class_name");
  const std::string pipeline =
      name != index.end() && name->is_string() ? name->get<std::string>() : "unnamed";
  json inspection = {{"path", folder},
                     {"kind", "pipeline"},
                     {"description", "a diffusers pipeline (" + pipeline + ")"},
                     {"option", optionJson("--base")},
                     {"format", "diffusers folder"},
                     {"files", json::array()},
                     {"bytes", 0},
                     {"tensors", 0},
                     {"parameters", 0},
                     {"components", json::object()}};
  for (const char* component : {"unet", "vae", "text_encoder", "motion_adapter"}) {
    const fs::path part = fs::path(folder) / component;
    if (!fs::is_directory(part)) continue;
    json inspected = inspectComponent(part.string());
    for (const json& file : inspected["files"]) inspection["files"].push_back(file);
    for (const char* count : {"bytes", "tensors", "parameters"}) {
      inspection[count] = inspection[count].get<uint64_t>() + inspected[count].get<uint64_t>();
    }
    inspection["components"][component] = std::move(inspected);
  }
  return inspection;
}

}  // namespace

json inspect(const std::string& path) {
  if (!fs::is_directory(path)) return inspectFile(path);
  if (fs::exists(fs::path(path) / "model_index.json")) return inspectPipeline(path);
  if (fs::exists(fs::path(path) / "config.json")) return inspectComponent(path);
  failFormat(
      path, "this is " + describeFolder(path) + "; give a weight file, a pipeline's or a component's folder");
}

}  // namespace cameo::weights
