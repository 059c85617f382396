#include "samplers/samplers.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"
#include "samplers/makers.h"

namespace cameo::samplers {

using nlohmann::json;

namespace {

struct TableEntry {
  std::string name;
  std::string class_name;
  std::unique_ptr<Sampler> (*make)(const Config&, int64_t);
  std::map<std::string, json> fixed;
};

const std::vector<TableEntry>& table() {
  static const std::vector<TableEntry> entries{
#define CAMEO_SAMPLER(name, class_name, make, ...) {name, class_name, make, __VA_ARGS__},
#include "samplers/table.def"
#undef CAMEO_SAMPLER
  };
  return entries;
}

/// The sampler of models of flow matching alone.
constexpr const char* kFlowMatching = "flow-euler";

/// What diffusers leaves in a config that was made for another class, with the values that say nothing there;
/// null: any value.
const std::map<std::string, json>& leftovers() {
  static const std::map<std::string, json> fields{
      {"algorithm_type", nullptr},      {"base_image_seq_len", nullptr},
      {"base_shift", nullptr},          {"clip_sample_range", nullptr},
      {"disable_corrector", nullptr},   {"dynamic_thresholding_ratio", nullptr},
      {"final_sigmas_type", "zero"},    {"flow_shift", 1.0},
      {"interpolation_type", "linear"}, {"lambda_min_clipped", nullptr},
      {"lower_order_final", nullptr},   {"max_image_seq_len", nullptr},
      {"max_shift", nullptr},           {"original_inference_steps", nullptr},
      {"predict_x0", nullptr},          {"sample_max_value", nullptr},
      {"set_alpha_to_one", nullptr},    {"shift", 1.0},
      {"skip_prk_steps", nullptr},      {"solver_order", nullptr},
      {"solver_type", nullptr},         {"steps_offset", nullptr},
      {"timestep_spacing", nullptr},    {"time_shift_type", nullptr},
      {"timestep_scaling", nullptr},    {"timestep_type", "discrete"},
      {"variance_type", "fixed_small"}};
  return fields;
}

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::InvalidOption, "scheduler: " + message);
}

std::string known() {
  std::string text;
  for (const TableEntry& entry : table()) text += (text.empty() ? "" : ", ") + entry.name;
  return text;
}

const TableEntry& named(const std::string& name) {
  for (const TableEntry& entry : table()) {
    if (entry.name == name) return entry;
  }
  refuse("\"" + name + "\" is not known; " + known() + " are");
}

const TableEntry* ofClass(const json& config) {
  const auto class_name = config.find("_class_name");
  if (class_name == config.end() || !class_name->is_string()) return nullptr;
  const TableEntry* first = nullptr;
  for (const TableEntry& entry : table()) {
    if (entry.class_name != *class_name) continue;
    const bool fits = std::all_of(entry.fixed.begin(), entry.fixed.end(), [&](const auto& fixed) {
      return config.value(fixed.first, json()) == fixed.second;
    });
    if (fits && !entry.fixed.empty()) return &entry;
    if (first == nullptr) first = &entry;
  }
  return first;
}

bool saysNothing(const std::string& field, const json& value) {
  if (field.starts_with("_") || value == false || (value.is_array() && value.empty())) return true;
  const auto leftover = leftovers().find(field);
  return leftover != leftovers().end() && (leftover->second.is_null() || leftover->second == value);
}

/// Complains of what none of the samplers' readers asked for.
void requireHonoured(const Config& config, const SamplerChoice& choice, const TableEntry& entry,
                     bool whole_config) {
  for (const std::string& field : config.unasked()) {
    for (const SamplerOption& option : choice.options) {
      if (!option.fields.contains(field) || option.fields[field] == false) continue;
      throw Error(ErrorCode::InvalidOption,
                  option.name + ": the scheduler \"" + entry.name + "\" does not take it: leave it out");
    }
    if (!whole_config || saysNothing(field, config.value(field.c_str()))) continue;
    config.fail(field.c_str(),
                "\"" + entry.name + "\" does not take it: leave it out, or choose another scheduler");
  }
}

const TableEntry& chosen(const SamplerChoice& choice, const json& model_config) {
  if (choice.scheduler.is_string()) return named(choice.scheduler.get<std::string>());
  const TableEntry* entry = ofClass(choice.scheduler.is_object() ? choice.scheduler : model_config);
  if (entry != nullptr) return *entry;
  if (choice.scheduler.is_null()) return table().front();
  refuse("the config's _class_name is none that is known; write the one that diffusers saves");
}

}  // namespace

std::string samplerNameOf(const json& config) {
  const TableEntry* entry = ofClass(config);
  return entry == nullptr ? "" : entry->name;
}

std::optional<double> readClip(const Config& config, bool fallback) {
  const double range = config.number("clip_sample_range", 1, 1e-6, 1e6);
  if (!config.boolean("clip_sample", fallback)) return std::nullopt;
  return range;
}

std::unique_ptr<Sampler> makeSampler(const SamplerChoice& choice, const json& model_config, int64_t steps,
                                     const std::string& model_config_name) {
  const TableEntry& entry = chosen(choice, model_config);
  const bool is_config = choice.scheduler.is_object();
  // Of a config for another class that only lends its noise schedule, the rest means nothing here.
  const bool whole_config = is_config || ofClass(model_config) == &entry;
  json fields = is_config ? choice.scheduler : model_config;
  // Absent, it is flow's in the classes of flow matching alone.
  const bool is_of_flow = samplerNameOf(fields) == kFlowMatching;
  if (!whole_config && !fields.contains("prediction_type")) {
    fields["prediction_type"] = is_of_flow ? "flow_prediction" : "epsilon";
  }
  if (!whole_config && is_of_flow) fields["use_flow_sigmas"] = true;
  for (const auto& [field, value] : entry.fixed) fields[field] = value;
  for (const SamplerOption& option : choice.options) fields.update(option.fields);
  try {
    const Config config(fields, is_config ? "scheduler" : model_config_name);
    const int64_t trained = ScheduleConfig::read(Config(config)).train_timesteps;
    if (steps < 1 || steps > trained) {
      throw Error(ErrorCode::InvalidOption,
                  c10::str("steps: ", steps, " is not allowed; this model takes 1 to ", trained));
    }
    auto sampler = entry.make(config, steps);
    requireHonoured(config, choice, entry, whole_config);
    return sampler;
  } catch (const Error& error) {
    throw Error(ErrorCode::InvalidOption, error.what());
  }
}

}  // namespace cameo::samplers
