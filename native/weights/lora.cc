#include "weights/lora.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>
#include <c10/util/safe_numerics.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "weights/lora_scaling.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kPrefix = "unet.";
constexpr std::string_view kDown = ".lora_A.weight";
constexpr std::string_view kUp = ".lora_B.weight";
constexpr std::string_view kAlpha = ".alpha";

struct Adapter {
  const TensorEntry* down = nullptr;
  const TensorEntry* up = nullptr;
  const TensorEntry* alpha = nullptr;
};

[[noreturn]] void fail(const TensorSource& source, const std::string& network, const std::string& why) {
  throw Error(ErrorCode::WeightsMismatch,
              c10::str("the adapters in ", source.path, " do not fit the ", network, ": ", why));
}

/// A tensor's name in the network, which files may have behind `unet.`.
std::string_view withoutPrefix(std::string_view name) {
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return name;
}

/// By module, in the names of the network.
std::map<std::string, Adapter> groupByModule(const TensorSource& source, const std::string& network) {
  std::map<std::string, Adapter> adapters;
  for (const TensorEntry& entry : source.entries) {
    const std::string_view name = withoutPrefix(entry.name);
    const auto take = [&](std::string_view suffix, const TensorEntry* Adapter::*part) {
      if (!name.ends_with(suffix)) return false;
      Adapter& adapter = adapters[std::string(name.substr(0, name.size() - suffix.size()))];
      if (std::exchange(adapter.*part, &entry) != nullptr)
        fail(source, network, quote(name) + " is there twice");
      return true;
    };
    const bool known =
        take(kDown, &Adapter::down) || take(kUp, &Adapter::up) || take(kAlpha, &Adapter::alpha);
    if (!known) fail(source, network, quote(entry.name) + " is no part of an adapter");
  }
  return adapters;
}

void requireBothHalves(const TensorSource& source, const std::string& network, const std::string& module,
                       const Adapter& adapter) {
  if (adapter.down != nullptr && adapter.up != nullptr) return;
  fail(source, network, quote(module) + " has only one of lora_A and lora_B");
}

/// Whether a tensor of this shape has so many elements behind its first dimension.
bool hasRowsOf(at::IntArrayRef shape, int64_t elements) {
  uint64_t product = 0;
  const bool overflows = c10::safe_multiplies_u64(shape.slice(1), &product);
  return !overflows && product == static_cast<uint64_t>(elements);
}

/// By the shapes alone, as a few bytes can claim to be a tensor of any size. So is a rank that no product
/// needs refused.
bool fits(const Adapter& adapter, const Parameter& parameter) {
  const at::IntArrayRef down = adapter.down->shape, up = adapter.up->shape;
  if (down.size() < 2 || up.size() < 2) return false;
  const int64_t rank = down[0], out = parameter.shape[0], in = parameter.numel() / out;
  return rank > 0 && rank <= std::max(out, in) && hasRowsOf(down, in) && up[0] == out && hasRowsOf(up, rank);
}

/// As `alpha` beside the factors or the metadata say it; 1 where neither does.
double scaleOf(const TensorSource& source, const std::string& network, const std::string& module,
               const Adapter& adapter, const std::optional<LoraScaling>& scaling) {
  const int64_t rank = adapter.down->shape[0];
  const double said = scaling ? scaling->scaleOf(module, rank) : 1;
  if (adapter.alpha == nullptr) return said;
  if (adapter.alpha->numel() != 1) fail(source, network, quote(adapter.alpha->name) + " is not one number");
  const double scale = adapter.alpha->view().to(at::kDouble).item<double>() / static_cast<double>(rank);
  if (scaling && std::abs(scale - said) > 1e-3 * std::abs(said)) {
    fail(source, network,
         c10::str(quote(adapter.alpha->name), " makes its adapter ", scale, " times as strong, its metadata ",
                  said, " times: remove the one that is wrong"));
  }
  return scale;
}

/// scale * B A in fp32, of the parameter's shape.
at::Tensor product(const TensorSource& source, const std::string& network, const std::string& module,
                   const Adapter& adapter, const Parameter& parameter,
                   const std::optional<LoraScaling>& scaling) {
  requireBothHalves(source, network, module, adapter);
  if (!fits(adapter, parameter)) {
    fail(source, network,
         c10::str(quote(module), " has ", shapeText(adapter.down->shape), " and ",
                  shapeText(adapter.up->shape), " for ", shapeText(parameter.shape)));
  }
  const at::Tensor down = adapter.down->view().to(at::kFloat), up = adapter.up->view().to(at::kFloat);
  const double scale = scaleOf(source, network, module, adapter, scaling);
  return at::mm(up.flatten(1), down.flatten(1)).mul_(scale).view(parameter.shape);
}

}  // namespace

bool isLora(const TensorSource& source) {
  for (const TensorEntry& entry : source.entries) {
    if (entry.name.ends_with(kDown) || entry.name.ends_with(kUp)) return true;
  }
  return false;
}

void checkUNetAdapters(const TensorSource& source) {
  for (const auto& [module, adapter] : groupByModule(source, "unet")) {
    if (!isUNetKey(module)) fail(source, "unet", "there is no layer " + quote(module));
    requireBothHalves(source, "unet", module, adapter);
  }
  LoraScaling::read(source);
}

std::set<std::string> parametersIn(const TensorSource& source) {
  std::set<std::string> names;
  const bool is_lora = isLora(source);
  for (const TensorEntry& entry : source.entries) {
    if (!is_lora) {
      names.insert(entry.name);
    } else if (const std::string_view name = withoutPrefix(entry.name); name.ends_with(kDown)) {
      names.insert(c10::str(name.substr(0, name.size() - kDown.size()), ".weight"));
    }
  }
  return names;
}

Coverage mergeLora(ParameterSet& parameters, const TensorSource& source, const std::string& network) {
  const c10::AutoGradMode no_gradients(false);
  const auto adapters = groupByModule(source, network);
  const auto scaling = LoraScaling::read(source);
  for (const auto& [module, adapter] : adapters) {
    const Parameter* parameter = parameters.find(module + ".weight");
    if (parameter == nullptr) fail(source, network, "there is no layer " + quote(module));
    at::Tensor value = parameter->value;
    const at::Tensor sum = value.to(at::kFloat) +
                           product(source, network, module, adapter, *parameter, scaling).to(value.device());
    value.copy_(sum);
  }
  Coverage coverage = startCoverage(source);
  coverage.used = coverage.total;
  return coverage;
}

}  // namespace cameo::weights
