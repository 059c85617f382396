#include "weights/load.h"

#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "weights/available_memory.h"
#include "weights/identify.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

struct Step {
  Parameter* parameter;
  const TensorEntry* entry;
  size_t layer;
};
using Plan = std::unordered_map<const Parameter*, Step>;

constexpr size_t kPrefetched = 8;  // tensors that the system reads while one is cast

struct Problems {
  std::vector<std::string> missing;
  std::vector<std::vector<std::string>> unknown;  // by layer
  std::vector<std::vector<std::string>> misshapen;
};

// (C, C, 1, 1) and (C, C) are the same weights.
bool fits(std::vector<int64_t> stored, std::vector<int64_t> wanted) {
  for (auto* shape : {&stored, &wanted}) {
    while (!shape->empty() && shape->back() == 1) shape->pop_back();
  }
  return stored == wanted;
}

// Lays one layer over the plan so far.
void layOver(ParameterSet& parameters, const std::vector<Layer>& layers, size_t index, Plan& plan,
             std::vector<Coverage>& coverages, Problems& problems) {
  for (const TensorEntry& entry : layers[index].source->entries) {
    const auto name = layers[index].map(entry.name);
    if (!name) {
      ++coverages[index].ignored;
      continue;
    }
    Parameter* parameter = parameters.find(*name);
    if (parameter == nullptr) {
      problems.unknown[index].push_back(entry.name);
      continue;
    }
    if (!fits(entry.shape, parameter->shape)) {
      problems.misshapen[index].push_back(
          c10::str(entry.name, " ", shapeText(entry.shape), " for ", shapeText(parameter->shape)));
    }
    const auto [place, is_new] = plan.try_emplace(parameter, Step{parameter, &entry, index});
    if (is_new) continue;
    if (place->second.layer == index) {
      failFormat(layers[index].source->path, quote(*name) + " is there twice");
    }
    ++coverages[place->second.layer].overridden;
    place->second = {parameter, &entry, index};
  }
}

std::string countText(const std::vector<std::string>& names, const char* what) {
  return names.empty() ? "" : c10::str("; ", what, " (", names.size(), "): ", listNames(names));
}

// One line: the network, then each file with its problems and what it seems to be.
[[noreturn]] void failMismatch(const std::vector<Layer>& layers, const Problems& problems,
                               const std::string& network) {
  std::string files;
  std::string paths;
  for (size_t i = 0; i < layers.size(); ++i) {
    const TensorSource& source = *layers[i].source;
    paths += (i > 0 ? ", " : "") + source.path;
    const std::string found =
        countText(problems.unknown[i], "unknown keys") + countText(problems.misshapen[i], "wrong shapes");
    const bool is_suspect = !found.empty() || layers.size() == 1;
    if (!is_suspect) continue;
    const Identity identity = identify(source);
    files += c10::str("; ", source.path, " (", source.entries.size(), " tensors) looks like ",
                      identity.description);
    if (!identity.option.empty()) files += c10::str(", for ", identity.option);
    files += found;
  }
  throw Error(ErrorCode::WeightsMismatch, c10::str("the weights do not fit the ", network, ": ", paths,
                                                   countText(problems.missing, "missing parameters"), files));
}

Plan makePlan(ParameterSet& parameters, const std::vector<Layer>& layers, const LoadOptions& options,
              std::vector<Coverage>& coverages) {
  Plan plan;
  Problems problems;
  problems.unknown.resize(layers.size());
  problems.misshapen.resize(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) layOver(parameters, layers, i, plan, coverages, problems);
  for (const Parameter& parameter : parameters.all()) {
    const bool may_miss = options.may_miss && options.may_miss(parameter.name);
    if (!plan.contains(&parameter) && !may_miss) problems.missing.push_back(parameter.name);
  }
  const auto is_empty = [](const std::vector<std::string>& names) { return names.empty(); };
  const bool fits_all = problems.missing.empty() &&
                        std::all_of(problems.unknown.begin(), problems.unknown.end(), is_empty) &&
                        std::all_of(problems.misshapen.begin(), problems.misshapen.end(), is_empty);
  if (!fits_all) failMismatch(layers, problems, options.network);
  return plan;
}

void checkMemory(const ParameterSet& parameters, const LoadOptions& options) {
  if (!options.device.is_cpu()) return;  // a GPU's allocator says so itself
  uint64_t largest = 0;
  for (const Parameter& parameter : parameters.all()) {
    largest = std::max(largest, static_cast<uint64_t>(parameter.numel()));
  }
  const auto elements = static_cast<uint64_t>(parameters.numel()) + largest;
  requireMemory(elements * c10::elementSize(options.dtype), "the " + options.network);
}

// Reading a file from its start to its end is what disks are good at.
std::vector<Step> inFileOrder(const Plan& plan) {
  std::vector<Step> steps;
  for (const auto& [parameter, step] : plan) steps.push_back(step);
  std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
    return std::tie(a.layer, a.entry->file->path(), a.entry->offset) <
           std::tie(b.layer, b.entry->file->path(), b.entry->offset);
  });
  return steps;
}

/// A view of a tensor in the file; undefined where it is stored otherwise than it is wanted.
at::Tensor borrowedValue(const Parameter& parameter, const TensorEntry& entry, at::ScalarType dtype,
                         const LoadOptions& options) {
  const bool is_as_stored = options.borrows && options.device.is_cpu() && entry.blocks == nullptr &&
                            entry.dtype == dtype && entry.shape == parameter.shape;
  if (!is_as_stored) return {};
  at::Tensor value = entry.view();
  return value.is_contiguous() ? value : at::Tensor();
}

at::Tensor makeValue(const Parameter& parameter, const TensorEntry& entry, const LoadOptions& options) {
  const at::ScalarType dtype = parameter.storedIn(options.dtype);
  if (at::Tensor borrowed = borrowedValue(parameter, entry, dtype, options); borrowed.defined()) {
    return borrowed;
  }
  at::Tensor value =
      at::empty(parameter.shape, at::TensorOptions(dtype).device(options.device),
                options.channels_last ? parameter.channelsLast() : at::MemoryFormat::Contiguous);
  entry.copyTo(value);
  return value;
}

}  // namespace

TensorSource renamed(const Layer& layer) {
  TensorSource result = *layer.source;
  result.entries.clear();
  for (const TensorEntry& entry : layer.source->entries) {
    auto name = layer.map(entry.name);
    if (!name) continue;
    result.entries.push_back(entry);
    result.entries.back().name = std::move(*name);
  }
  return result;
}

Coverage startCoverage(const TensorSource& source) {
  Coverage coverage;
  coverage.path = source.path;
  coverage.format = source.format;
  coverage.total = static_cast<int64_t>(source.entries.size());
  for (const TensorEntry& entry : source.entries) ++coverage.dtypes[storedTypeName(entry)];
  return coverage;
}

void to_json(nlohmann::json& json, const Coverage& coverage) {
  json = {{"path", coverage.path},    {"format", coverage.format},   {"total", coverage.total},
          {"used", coverage.used},    {"ignored", coverage.ignored}, {"overridden", coverage.overridden},
          {"dtypes", coverage.dtypes}};
}

std::vector<Coverage> checkLayers(ParameterSet& parameters, const std::vector<Layer>& layers,
                                  const LoadOptions& options) {
  std::vector<Coverage> coverages;
  for (const Layer& layer : layers) coverages.push_back(startCoverage(*layer.source));
  const Plan plan = makePlan(parameters, layers, options, coverages);
  for (const auto& [parameter, step] : plan) ++coverages[step.layer].used;
  return coverages;
}

std::vector<Coverage> load(ParameterSet& parameters, const std::vector<Layer>& layers,
                           const LoadOptions& options) {
  std::vector<Coverage> coverages;
  for (const Layer& layer : layers) coverages.push_back(startCoverage(*layer.source));
  const Plan plan = makePlan(parameters, layers, options, coverages);
  checkMemory(parameters, options);
  const std::vector<Step> steps = inFileOrder(plan);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (options.cancellation != nullptr) options.cancellation->check();
    if (i + kPrefetched < steps.size()) steps[i + kPrefetched].entry->prefetch();
    const auto& [parameter, entry, layer] = steps[i];
    parameter->value = makeValue(*parameter, *entry, options);
    if (!options.borrows) entry->release();
    ++coverages[layer].used;
    if (options.progress) options.progress(static_cast<int64_t>(i + 1), static_cast<int64_t>(steps.size()));
  }
  return coverages;
}

}  // namespace cameo::weights
