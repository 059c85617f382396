#include "weights/inspect.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/paths.h"
#include "weights/diffusers_folder.h"
#include "weights/embedding.h"
#include "weights/identify.h"
#include "weights/open_weights.h"
#include "weights/origins.h"
#include "weights/text.h"
#include "weights/wan.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr auto kNetworks = std::to_array<const char*>({"unet", "transformer", "vae", "text_encoder"});

/// How a file or folder is loaded: an option, with what it takes, or why no option does.
struct Usage {
  std::string option;
  std::string argument;
  std::string reason = {};
};

/// The path with its own name last.
fs::path named(const std::string& path) {
  fs::path plain = fs::path(path).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  return plain.filename() == "." || plain.filename() == ".." ? fs::canonical(plain) : plain;
}

fs::path parentOf(const std::string& path) {
  const fs::path parent = named(path).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

/// Options that take a file as it is.
constexpr auto kOfFiles = std::to_array<std::string_view>(
    {"--subject", "--motion", "--vae", "--lora", "--embedding", "--control-model", "--ip-adapter"});

bool takesFile(const Identity& identity) {
  return identity.kind == "ldm-checkpoint" || identity.kind == "ldm-video" ||
         identity.kind == "dynamicrafter" ||
         std::find(kOfFiles.begin(), kOfFiles.end(), identity.option) != kOfFiles.end();
}

/// A network's folder goes with the option of its kind: a MotionAdapter or a VAE itself, others within their
/// base folder.
Usage usageOfFolder(const std::string& folder, const Identity& identity) {
  if (identity.kind == "motion-adapter") return {"--motion", folder};
  if (identity.option == "--control-model") return {"--control-model", folder};
  if (identity.kind == "clip-vision") return {"--image-encoder", folder};
  const fs::path base = parentOf(folder);
  const bool is_network =
      std::find(kNetworks.begin(), kNetworks.end(), named(folder).filename()) != kNetworks.end();
  const bool is_in_base =
      isFile(base / "unet" / "config.json") || isFile(base / "transformer" / "config.json");
  if (is_network && is_in_base) return {"--base", base.string()};
  if (identity.kind == "vae" || identity.kind == "wan-vae") return {"--vae", folder};
  return {"", "", "it belongs into a base folder, as its unet, transformer, vae or text_encoder"};
}

/// Whether a file is a part of a Wan model as its authors publish it.
bool isInReleasedWan(const std::string& path) {
  const std::string folder = parentOf(path).string();
  if (!isReleasedWan(folder)) return false;
  const auto [transformer, vae, text_encoder, image_encoder] = releasedWanFiles(folder);
  const auto is = [&](const std::string& file) { return !file.empty() && fs::equivalent(file, path); };
  return is(transformer) || is(vae) || is(text_encoder) || is(image_encoder);
}

/// A file beside a config goes with its folder, where loading that takes this very file; others go alone,
/// where an option takes such a file.
Usage usageOfFile(const std::string& path, const Identity& identity) {
  if (identity.option.empty()) return {"", "", identity.reason};
  const fs::path folder = parentOf(path);
  if (isInReleasedWan(path)) return {"--base", folder.string()};
  constexpr auto kAlone =
      std::to_array<std::string_view>({"--subject", "--lora", "--embedding", "--ip-adapter"});
  // Wan's transformer is a subject by itself, and beside its config a part of a base.
  const bool is_alone =
      identity.kind != "wan" && std::find(kAlone.begin(), kAlone.end(), identity.option) != kAlone.end();
  const bool is_in_folder = !is_alone && isFile(folder / "config.json");
  if (takesFile(identity) && !is_in_folder) return {std::string(identity.option), path};
  if (!is_in_folder) {
    return {"", "", "it belongs into a folder, beside its config.json; an option takes that folder"};
  }
  const std::string taken = openComponent(folder.string(), "the component", "", Weights::Optional).weights;
  if (taken.empty() && takesFile(identity)) return {std::string(identity.option), path};
  if (taken.empty()) return {"", "", "its folder's config.json asks for weights of another name"};
  std::vector<std::string> files = openWeights(taken)->files;
  files.push_back(taken);
  const bool is_taken = std::any_of(files.begin(), files.end(),
                                    [&](const std::string& file) { return fs::equivalent(file, path); });
  if (is_taken) return usageOfFolder(folder.string(), identity);
  if (takesFile(identity)) return {std::string(identity.option), path};
  return {"", "", "its folder has " + taken + ", which is taken instead"};
}

void addUsage(json& inspection, const Usage& usage) {
  const bool is_loaded = !usage.option.empty();
  inspection["option"] = is_loaded ? json(usage.option) : json(nullptr);
  inspection["argument"] = is_loaded ? json(usage.argument) : json(nullptr);
  if (!is_loaded && !usage.reason.empty()) inspection["reason"] = usage.reason;
}

/// All but how it is loaded.
json describeFile(const std::string& path, const TensorSource& source, const Identity& identity) {
  json dtypes = json::object();
  json keys = json::array();
  int64_t parameters = 0;
  for (const TensorEntry& entry : source.entries) {
    const std::string dtype = storedTypeName(entry);
    dtypes[dtype] = dtypes.value(dtype, 0) + 1;
    parameters += entry.numel();
    keys.push_back({{"name", entry.name}, {"dtype", dtype}, {"shape", entry.shape}});
  }
  uint64_t bytes = 0;
  for (const std::string& file : source.files) bytes += fs::file_size(file);
  return {{"path", path},
          {"kind", identity.kind},
          {"description", identity.description},
          {"format", source.format},
          {"files", source.files},
          {"bytes", bytes},
          {"tensors", source.entries.size()},
          {"parameters", parameters},
          {"fingerprint", fingerprint(source)},
          {"dtypes", dtypes},
          {"metadata", source.metadata},
          {"keys", keys}};
}

json inspectFile(const std::string& path) {
  const auto source = openWeights(path);
  const Identity identity = identify(*source);
  json inspection = describeFile(path, *source, identity);
  addUsage(inspection, usageOfFile(path, identity));
  if (identity.option == "--embedding") {
    const Embedding embedding = *findEmbedding(*source);
    inspection["embedding"] = {
        {"token", embedding.token}, {"vectors", embedding.count()}, {"width", embedding.width()}};
  }
  return inspection;
}

json inspectComponent(const std::string& folder) {
  const ComponentFolder component = openComponent(folder, "the component");
  const auto source = openWeights(component.weights);
  const Identity identity = identify(*source);
  json inspection = describeFile(folder, *source, identity);
  addUsage(inspection, usageOfFile(component.weights, identity));
  inspection["config"] = component.config;
  return inspection;
}

/// The class that model_index.json names, which loading doesn't need.
std::string pipelineClass(const fs::path& folder) {
  if (!isFile(folder / "model_index.json")) return "unnamed";
  const json index = readJson((folder / "model_index.json").string());
  const auto name = index.find("_class_name");
  return name != index.end() && name->is_string() ? name->get<std::string>() : "unnamed";
}

json emptyPipeline(const std::string& folder, const std::string& description, const char* format) {
  json inspection = {{"path", folder},   {"kind", "pipeline"},     {"description", description},
                     {"format", format}, {"files", json::array()}, {"bytes", 0},
                     {"tensors", 0},     {"parameters", 0},        {"components", json::object()}};
  addUsage(inspection, {"--base", folder});
  return inspection;
}

/// Adds a network to what its pipeline sums up.
void addNetwork(json& inspection, const char* name, json network) {
  for (const json& file : network["files"]) inspection["files"].push_back(file);
  for (const char* count : {"bytes", "tensors", "parameters"}) {
    inspection[count] = inspection[count].get<uint64_t>() + network[count].get<uint64_t>();
  }
  inspection["components"][name] = std::move(network);
}

json inspectReleasedWan(const std::string& folder) {
  json inspection = emptyPipeline(folder, "a Wan model as its authors publish it", "released folder");
  const ReleasedWanFiles files = releasedWanFiles(folder);
  const std::pair<const char*, const std::string&> parts[]{{"transformer", files.transformer},
                                                           {"vae", files.vae},
                                                           {"text_encoder", files.text_encoder},
                                                           {"image_encoder", files.image_encoder}};
  for (const auto& [name, file] : parts) {
    if (!file.empty()) addNetwork(inspection, name, inspectFile(file));
  }
  return inspection;
}

json inspectPipeline(const std::string& folder) {
  json inspection =
      emptyPipeline(folder, "a diffusers pipeline (" + pipelineClass(folder) + ")", "diffusers folder");
  for (const char* component :
       {"unet", "transformer", "vae", "text_encoder", "image_encoder", "motion_adapter"}) {
    const fs::path part = fs::path(folder) / component;
    if (!isFolder(part)) continue;
    addNetwork(inspection, component, inspectComponent(part.string()));
  }
  return inspection;
}

}  // namespace

json inspect(const std::string& path) {
  if (!isFolder(path)) return inspectFile(path);
  const bool is_pipeline = isFile(fs::path(path) / "model_index.json") ||
                           isFile(fs::path(path) / "unet" / "config.json") ||
                           isFile(fs::path(path) / "transformer" / "config.json");
  if (is_pipeline) return inspectPipeline(path);
  if (isReleasedWan(path)) return inspectReleasedWan(path);
  if (isFile(fs::path(path) / "config.json")) return inspectComponent(path);
  failFormat(path, "this is " + describeFolder(path) +
                       "; give a weight file, or the folder of a pipeline, a network or a training run");
}

}  // namespace cameo::weights
