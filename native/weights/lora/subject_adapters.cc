#include "weights/lora/subject_adapters.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "weights/lora/file.h"

namespace cameo::weights {

namespace {

/// A factor's name in PEFT's naming, taken apart.
std::optional<LoraName> peftFactor(const TensorEntry& entry) {
  auto name = parseLoraName(entry.name);
  const bool is_factor = name && name->naming == LoraNaming::Peft && name->part != LoraPart::Alpha;
  return is_factor ? name : std::nullopt;
}

}  // namespace

bool isSubjectLora(const TensorSource& source) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [](const TensorEntry& entry) { return peftFactor(entry).has_value(); });
}

std::set<std::string> parametersIn(const TensorSource& source) {
  std::set<std::string> names;
  const bool is_lora = isSubjectLora(source);
  for (const TensorEntry& entry : source.entries) {
    if (!is_lora) {
      names.insert(entry.name);
    } else if (const auto name = peftFactor(entry)) {
      names.insert(name->layer + ".weight");
    }
  }
  return names;
}

Coverage mergeSubjectLora(ParameterSet& parameters, const std::shared_ptr<const TensorSource>& source,
                          const std::string& network) {
  const c10::AutoGradMode no_gradients(false);
  for (const LoraAdapter& adapter : LoraFile::read(source, {{network, parameters}}).adapters) {
    at::Tensor value = adapter.parameter->value;
    value.copy_(value.to(at::kFloat) + deltaOf(adapter, 1, value.device()));
  }
  Coverage coverage = startCoverage(*source);
  coverage.used = coverage.total;
  return coverage;
}

}  // namespace cameo::weights
