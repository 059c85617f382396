#include "weights/diffusers_folder.h"

#include <c10/util/StringUtil.h>

#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "core/paths.h"
#include "weights/mapped_file.h"
#include "weights/text.h"

namespace cameo::weights {

namespace fs = std::filesystem;

namespace {

// diffusers, transformers; the safe format first, the one that has lost most last.
constexpr std::array<std::string_view, 3> kStems{"diffusion_pytorch_model", "model", "pytorch_model"};
constexpr std::array<std::string_view, 3> kExtensions{".safetensors", ".bin", ".gguf"};
constexpr std::string_view kPreferredVariant = "fp16";

void requireNoDanglingLink(const fs::path& path) {
  const std::string link = describeDanglingLink(path.string());
  if (!link.empty()) failFormat(path.string(), link);
}

std::vector<std::string> fileNames(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    names.push_back(entry.path().filename().string());
  return names;
}

// The names that the weights of a variant may have; "" is none.
std::vector<std::string> candidates(const std::string& variant) {
  const std::string infix = variant.empty() ? "" : "." + variant;
  std::vector<std::string> names;
  for (const std::string_view extension : kExtensions) {
    for (const std::string_view stem : kStems) {
      names.push_back(c10::str(stem, infix, extension));
      names.push_back(c10::str(stem, extension, ".index", infix, ".json"));
      if (!variant.empty()) names.push_back(c10::str(stem, infix, extension, ".index.json"));
    }
  }
  return names;
}

std::optional<std::string> findVariant(const fs::path& folder, const std::string& variant) {
  for (const std::string& name : candidates(variant)) {
    requireNoDanglingLink(folder / name);
    if (isFile(folder / name)) return (folder / name).string();
  }
  return std::nullopt;
}

// `name` without `start` and `end`, where it has them and one word between them.
std::optional<std::string> between(std::string_view name, std::string_view start, std::string_view end) {
  const bool matches =
      name.size() > start.size() + end.size() && name.starts_with(start) && name.ends_with(end);
  if (!matches) return std::nullopt;
  const auto middle = name.substr(start.size(), name.size() - start.size() - end.size());
  if (middle.find('.') != std::string_view::npos) return std::nullopt;
  return std::string(middle);
}

std::set<std::string> listVariants(const fs::path& folder) {
  std::set<std::string> variants;
  for (const std::string& name : fileNames(folder)) {
    for (const std::string_view stem : kStems) {
      for (const std::string_view extension : kExtensions) {
        const auto file = between(name, c10::str(stem, "."), extension);
        const auto index = between(name, c10::str(stem, extension, ".index."), ".json");
        if (file) variants.insert(*file);
        if (index) variants.insert(*index);
      }
    }
  }
  return variants;
}

std::string findWeights(const std::string& folder, const std::string& what, const std::string& variant,
                        Weights weights) {
  if (const auto found = findVariant(folder, variant)) return *found;
  const std::set<std::string> variants = listVariants(folder);
  if (!variant.empty()) {
    failFormat(folder, c10::str("there are no weights of the variant ", quote(variant), " for ", what,
                                variants.empty() ? "" : "; there are: ",
                                listNames({variants.begin(), variants.end()})));
  }
  for (const std::string& other : variants) {
    const bool is_choice = variants.size() == 1 || other == kPreferredVariant;
    if (!is_choice) continue;
    if (const auto found = findVariant(folder, other)) return *found;
  }
  if (weights == Weights::Optional) return "";
  failFormat(folder,
             c10::str("there are no weights for ", what,
                      ": diffusion_pytorch_model or model was expected, as .safetensors, .bin or .gguf"));
}

// The class that a component's config says it is; "" where it doesn't.
std::string configClass(const nlohmann::json& config) {
  const auto name = config.find("_class_name");
  if (name != config.end() && name->is_string()) return name->get<std::string>();
  const auto names = config.find("architectures");
  const bool is_listed =
      names != config.end() && names->is_array() && !names->empty() && names->front().is_string();
  return is_listed ? names->front().get<std::string>() : "";
}

// What describes a folder that has `file`, by the class that it names.
std::string classIn(const fs::path& folder, const std::string& file) {
  try {
    return configClass(readJson((folder / file).string()));
  } catch (const Error&) {
    return "";
  }
}

[[noreturn]] void failMissing(const fs::path& folder, const std::string& what) {
  std::string hint;
  const fs::path parent = folder.parent_path();
  if (isFile(parent))
    failFormat(parent.string(), "this is a file; a diffusers folder with " + what + " was expected");
  if (isFolder(parent)) hint = c10::str("; ", parent.string(), " is ", describeFolder(parent.string()));
  failFormat(folder.string(), c10::str("there is no such folder; ", what, " was expected there", hint));
}

}  // namespace

ComponentFolder openComponent(const std::string& folder, const std::string& what, const std::string& variant,
                              Weights weights) {
  if (isFile(folder)) failFormat(folder, "this is a file; a folder with " + what + " was expected");
  requireNoDanglingLink(folder);
  if (!isFolder(folder)) failMissing(folder, what);
  const fs::path config = fs::path(folder) / "config.json";
  requireNoDanglingLink(config);
  if (!isFile(config)) {
    failFormat(folder, c10::str("there is no config.json for ", what, "; this is ", describeFolder(folder)));
  }
  return {folder, readJson(config.string()), findWeights(folder, what, variant, weights)};
}

std::string describeFolder(const std::string& folder) {
  const fs::path path(folder);
  if (!isFolder(path)) return "no folder";
  if (isFile(path / "model_index.json")) {
    return c10::str("a diffusers pipeline (", classIn(path, "model_index.json"), "; it goes with --base)");
  }
  if (isFile(path / "config.json")) {
    const std::string name = classIn(path, "config.json");
    if (name == "MotionAdapter") return "a MotionAdapter (it goes with --motion)";
    if (name == "ControlNetModel") return "a ControlNet (it goes with --control-model)";
    if (name == "SparseControlNetModel") return "a SparseCtrl network (it goes with --control-model)";
    return name.empty() ? "a folder with a config of no known class" : "a component's folder (" + name + ")";
  }
  return fileNames(path).empty() ? "an empty folder" : "a folder without model_index.json or config.json";
}

}  // namespace cameo::weights
