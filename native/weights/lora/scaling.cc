#include "weights/lora/scaling.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "core/paths.h"
#include "weights/json_file.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

using nlohmann::json;

constexpr const char* kConfigFile = "adapter_config.json";
constexpr std::string_view kPeftNames = "base_model.model.";
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

/// The fields of a network's LoraConfig: those with its name before them, or without any, as
/// `save_lora_adapter` writes them.
json fieldsOf(const json& metadata, const std::string& network) {
  const std::string prefix = network + ".";
  json prefixed = json::object(), bare = json::object();
  for (const auto& [name, value] : metadata.items()) {
    if (name.starts_with(prefix)) prefixed[name.substr(prefix.size())] = value;
    if (name.find('.') == name.npos) bare[name] = value;
  }
  return prefixed.empty() ? bare : prefixed;
}

/// A LoraConfig and where it stands.
struct SaidConfig {
  json fields;
  std::string path;   // of the file with it
  std::string place;  // "its lora_adapter_metadata"
};

/// PEFT writes a file of whole names and its config beside it.
std::optional<SaidConfig> configBeside(const TensorSource& source) {
  const bool is_peft = std::any_of(source.entries.begin(), source.entries.end(), [](const auto& entry) {
    return entry.name.find(kPeftNames) != entry.name.npos;
  });
  const std::filesystem::path path = std::filesystem::path(source.path).parent_path() / kConfigFile;
  if (!is_peft || !isFile(path)) return std::nullopt;
  return SaidConfig{readJson(path.string()), path.string(), "it"};
}

std::optional<SaidConfig> configOf(const TensorSource& source, const std::string& network) {
  const auto found = source.metadata.find(kLoraMetadata);
  if (found == source.metadata.end()) return configBeside(source);
  const std::string place = source.path + ", " + kLoraMetadata;
  if (found->second.size() > kLongestConfig) failFormat(place, "this is too long for a LoraConfig");
  return SaidConfig{fieldsOf(parseJson(found->second, place), network), source.path,
                    c10::str("its ", kLoraMetadata)};
}

[[noreturn]] void refuse(const SaidConfig& said, const std::string& field) {
  failFormat(said.path,
             c10::str(said.place, " has ", field,
                      ", which is not supported; merge the adapters into the model with diffusers"));
}

void checkFields(const SaidConfig& said) {
  const json& config = said.fields;
  for (const char* field : kNotSupported) {
    if (isOn(config, field)) refuse(said, c10::str(field, " ", quote(config[field].dump())));
  }
  const json bias = config.value("bias", json());
  if (!bias.is_null() && bias != "none") refuse(said, "bias " + quote(bias.dump()));
  const json init = config.value("init_lora_weights", json());
  const bool is_harmless = std::any_of(kHarmlessInits.begin(), kHarmlessInits.end(),
                                       [&](const char* name) { return init == name; });
  if (init.is_string() && !is_harmless) refuse(said, "init_lora_weights " + quote(init.dump()));
}

double numberOf(const SaidConfig& said, const json& value, const std::string& field) {
  if (value.is_number()) return value.get<double>();
  failFormat(said.path,
             c10::str(said.place, " has ", field, " ", quote(value.dump()), ", which is no number"));
}

std::vector<std::pair<ModulePattern, double>> patternsOf(const SaidConfig& said, const char* field) {
  const json& config = said.fields;
  std::vector<std::pair<ModulePattern, double>> patterns;
  if (!isOn(config, field)) return patterns;
  const json& numbers = config[field];
  if (!numbers.is_object() || numbers.size() > kMostPatterns) {
    failFormat(said.path, c10::str(said.place, " has a ", field, " that is no table of at most ",
                                   kMostPatterns, " modules"));
  }
  for (const auto& [expression, number] : numbers.items()) {
    const auto pattern = ModulePattern::parse(expression);
    if (!pattern) refuse(said, c10::str("the ", field, " ", quote(expression)));
    patterns.emplace_back(*pattern, numberOf(said, number, field));
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

std::optional<LoraScaling> LoraScaling::read(const TensorSource& source, const std::string& network) {
  const auto said = configOf(source, network);
  if (!said || said->fields.empty()) return std::nullopt;
  const json& config = said->fields;
  checkFields(*said);
  LoraScaling scaling;
  scaling.path_ = said->path;
  scaling.place_ = said->place;
  const auto number = [&](const char* field) { return numberOf(*said, config[field], field); };
  if (isOn(config, "lora_alpha")) scaling.alpha_ = number("lora_alpha");
  if (isOn(config, "r")) scaling.rank_ = number("r");
  scaling.alphas_ = patternsOf(*said, "alpha_pattern");
  scaling.ranks_ = patternsOf(*said, "rank_pattern");
  scaling.by_root_ = isOn(config, "use_rslora");
  return scaling;
}

double LoraScaling::scaleOf(const std::string& module, int64_t rank) const {
  const auto said = numberFor(module, ranks_);
  const std::optional<double> wanted = said ? said : rank_;
  const auto own = static_cast<double>(rank);
  if (wanted && *wanted != own) {
    failFormat(path_, c10::str(place_, " says that the adapter of ", quote(module), " has rank ", *wanted,
                               ", but it has ", rank));
  }
  return numberFor(module, alphas_).value_or(alpha_) / (by_root_ ? std::sqrt(own) : own);
}

}  // namespace cameo::weights
