#include "weights/lora_scaling.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "weights/json_file.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

using nlohmann::json;

constexpr const char* kMetadata = "lora_adapter_metadata";
constexpr std::string_view kUNet = "unet.";
constexpr size_t kMostPatterns = 1024;

/// Fields of PEFT's LoraConfig that change what adapters are or what they are added to.
constexpr auto kNotSupported = std::to_array<const char*>(
    {"use_dora", "lora_bias", "modules_to_save", "layer_replication", "trainable_token_indices",
     "target_parameters", "alora_invocation_tokens", "arrow_config", "use_qalora", "use_bdlora",
     "kasa_config", "monteclora_config"});
/// Initialisations that leave the network's own weights as they are; others took the adapters out of them.
constexpr auto kHarmlessInits = std::to_array<const char*>({"gaussian", "eva", "orthogonal"});

bool isOn(const json& config, const char* field) {
  const auto found = config.find(field);
  if (found == config.end() || found->is_null() || *found == false) return false;
  return !found->is_structured() || !found->empty();
}

/// The fields of the UNet's LoraConfig: those named `unet.`, or without a prefix, as `save_lora_adapter`
/// writes them.
json fieldsOf(const json& metadata) {
  json prefixed = json::object(), bare = json::object();
  for (const auto& [name, value] : metadata.items()) {
    if (name.starts_with(kUNet)) prefixed[name.substr(kUNet.size())] = value;
    if (name.find('.') == name.npos) bare[name] = value;
  }
  return prefixed.empty() ? bare : prefixed;
}

[[noreturn]] void refuse(const std::string& path, const std::string& field) {
  failFormat(path, c10::str("its ", kMetadata, " has ", field,
                            ", which is not supported; merge the adapters into the model with diffusers"));
}

void checkFields(const json& config, const std::string& path) {
  for (const char* field : kNotSupported) {
    if (isOn(config, field)) refuse(path, c10::str(field, " ", quote(config[field].dump())));
  }
  const json bias = config.value("bias", json());
  if (!bias.is_null() && bias != "none") refuse(path, "bias " + quote(bias.dump()));
  const json init = config.value("init_lora_weights", json());
  const bool is_harmless = std::any_of(kHarmlessInits.begin(), kHarmlessInits.end(),
                                       [&](const char* name) { return init == name; });
  if (init.is_string() && !is_harmless) refuse(path, "init_lora_weights " + quote(init.dump()));
}

double numberOf(const json& value, const std::string& field, const std::string& path) {
  if (value.is_number()) return value.get<double>();
  failFormat(path,
             c10::str("its ", kMetadata, " has ", field, " ", quote(value.dump()), ", which is no number"));
}

std::vector<std::pair<ModulePattern, double>> patternsOf(const json& config, const char* field,
                                                         const std::string& path) {
  std::vector<std::pair<ModulePattern, double>> patterns;
  if (!isOn(config, field)) return patterns;
  const json& numbers = config[field];
  if (!numbers.is_object() || numbers.size() > kMostPatterns) {
    failFormat(path, c10::str("its ", kMetadata, " has a ", field, " that is no table of at most ",
                              kMostPatterns, " modules"));
  }
  for (const auto& [expression, number] : numbers.items()) {
    const auto pattern = ModulePattern::parse(expression);
    if (!pattern) refuse(path, c10::str("the ", field, " ", quote(expression)));
    patterns.emplace_back(*pattern, numberOf(number, field, path));
  }
  return patterns;
}

/// The number of the first pattern that means the module, as PEFT takes it.
std::optional<double> numberFor(const std::string& module,
                                const std::vector<std::pair<ModulePattern, double>>& patterns) {
  for (const auto& [pattern, number] : patterns) {
    if (pattern.matches(module)) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LoraScaling> LoraScaling::read(const TensorSource& source) {
  const auto found = source.metadata.find(kMetadata);
  if (found == source.metadata.end()) return std::nullopt;
  const std::string place = source.path + ", " + kMetadata;
  if (found->second.size() > kLongestConfig) failFormat(place, "this is too long for a LoraConfig");
  const json config = fieldsOf(parseJson(found->second, place));
  if (config.empty()) return std::nullopt;
  checkFields(config, source.path);
  LoraScaling scaling;
  scaling.path_ = source.path;
  if (isOn(config, "lora_alpha")) scaling.alpha_ = numberOf(config["lora_alpha"], "lora_alpha", source.path);
  if (isOn(config, "r")) scaling.rank_ = numberOf(config["r"], "r", source.path);
  scaling.alphas_ = patternsOf(config, "alpha_pattern", source.path);
  scaling.ranks_ = patternsOf(config, "rank_pattern", source.path);
  scaling.by_root_ = isOn(config, "use_rslora");
  return scaling;
}

double LoraScaling::scaleOf(const std::string& module, int64_t rank) const {
  const auto said = numberFor(module, ranks_);
  const std::optional<double> wanted = said ? said : rank_;
  const auto own = static_cast<double>(rank);
  if (wanted && *wanted != own) {
    failFormat(path_, c10::str("its ", kMetadata, " says that the adapter of ", quote(module), " has rank ",
                               *wanted, ", but it has ", rank));
  }
  return numberFor(module, alphas_).value_or(alpha_) / (by_root_ ? std::sqrt(own) : own);
}

}  // namespace cameo::weights
