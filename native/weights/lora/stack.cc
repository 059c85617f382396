#include "weights/lora/stack.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/device.h"
#include "weights/available_memory.h"
#include "weights/load.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

/// On the host, in the parameter's own layout.
at::Tensor hostCopy(const at::Tensor& value) {
  return value.to(at::kCPU, value.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
}

bool isFinite(const at::Tensor& x) {
  const auto [least, most] = at::aminmax(x);  // NaN where there is one
  return std::isfinite(least.item<double>()) && std::isfinite(most.item<double>());
}

std::string_view namingText(LoraNaming naming) {
  switch (naming) {
    case LoraNaming::Kohya:
      return "kohya";
    case LoraNaming::Peft:
      return "peft";
    case LoraNaming::Diffusers:
      break;
  }
  return "diffusers";
}

}  // namespace

LoraPlan LoraPlan::make(const std::vector<LoraChoice>& choices, const std::vector<LoraNetwork>& networks) {
  LoraPlan plan;
  for (const LoraChoice& choice : choices) {
    LoraFile file = LoraFile::read(openWeights(choice.path), networks);
    const LoraBlocks blocks(choice.blocks, networks);
    File& listed = plan.files_.emplace_back(File{choice, file.source, file.naming, {}});
    for (LoraAdapter& adapter : file.adapters) {
      const double scale = choice.scale * blocks.scaleOf(adapter.network, *adapter.parameter);
      ++listed.layers[adapter.network];
      if (scale == 0) continue;
      plan.terms_[adapter.parameter].push_back({std::move(adapter), scale, plan.files_.size() - 1});
    }
  }
  return plan;
}

at::Tensor LoraPlan::merged(const std::vector<Term>& terms, const at::Tensor& original,
                            at::Device device) const {
  at::Tensor sum;
  for (const auto& [adapter, scale, file] : terms) {
    const at::Tensor delta = deltaOf(adapter, scale, device);
    sum = sum.defined() ? sum.add_(delta) : delta;
  }
  const at::Tensor rounded = sum.add_(original.to(device)).to(original.scalar_type());
  if (!isFinite(rounded)) failInfinite(terms, original.scalar_type());
  return rounded;
}

void LoraPlan::failInfinite(const std::vector<Term>& terms, at::ScalarType dtype) const {
  for (const auto& [adapter, scale, file] : terms) {
    if (isFinite(deltaOf(adapter, scale, at::kCPU))) continue;
    const TensorEntry& entry = adapter.difference ? *adapter.difference : *adapter.down;
    failFormat(files_[file].source->path, quote(entry.name) + " adds numbers that are not finite");
  }
  failFormat(files_[terms.front().file].source->path,
             c10::str("with it ", quote(terms.front().adapter.parameter->name), " has numbers beyond what ",
                      dtypeName(dtype), " can hold; lower its scale"));
}

nlohmann::json LoraPlan::describe() const {
  nlohmann::json list = nlohmann::json::array();
  for (const File& file : files_) {
    const Coverage all = startCoverage(*file.source);
    list.push_back({{"path", all.path},
                    {"scale", file.choice.scale},
                    {"blocks", file.choice.blocks},
                    {"names", namingText(file.naming)},
                    {"format", all.format},
                    {"total", all.total},
                    {"layers", file.layers},
                    {"dtypes", all.dtypes}});
  }
  return list;
}

void LoraStack::requireRoom(const LoraPlan& plan) const {
  // Beside the originals, what the LoRAs before made of them is kept until all is done.
  auto kept = static_cast<uint64_t>(bytes());
  uint64_t largest = 0;
  for (const auto& [parameter, terms] : plan.terms_) {
    if (!originals_.contains(parameter)) kept += parameter->value.nbytes();
    largest = std::max(largest, static_cast<uint64_t>(parameter->numel()) * sizeof(float));
  }
  requireMemory(kept + 3 * largest, "what LoRAs change, which is kept to take them off again,");
}

void LoraStack::apply(const LoraPlan& plan, const Cancellation& cancellation) {
  const c10::AutoGradMode no_gradients(false);
  if (plan.terms_.empty()) {
    takeOff();
  } else {
    requireRoom(plan);
    replace(plan, cancellation);
  }
  description_ = plan.describe();
}

void LoraStack::takeOff() {
  for (auto& [parameter, original] : originals_) parameter->value.copy_(original);
  originals_.clear();
}

void LoraStack::replace(const LoraPlan& plan, const Cancellation& cancellation) {
  std::set<Parameter*> touched;
  for (const auto& [parameter, original] : originals_) touched.insert(parameter);
  for (const auto& [parameter, terms] : plan.terms_) touched.insert(parameter);
  std::map<Parameter*, at::Tensor> originals, before;
  try {
    for (Parameter* parameter : touched) {
      cancellation.check();
      at::Tensor& value = parameter->value;  // written in place: it may be a part of a joined matrix
      const at::Tensor former = hostCopy(value);
      before.emplace(parameter, former);
      const auto known = originals_.find(parameter);
      const at::Tensor& original = known == originals_.end() ? former : known->second;
      const auto terms = plan.terms_.find(parameter);
      if (terms == plan.terms_.end()) {
        value.copy_(original);
      } else {
        value.copy_(plan.merged(terms->second, original, value.device()));
        originals.emplace(parameter, original);
      }
    }
  } catch (...) {
    for (auto& [parameter, former] : before) parameter->value.copy_(former);
    throw;
  }
  originals_ = std::move(originals);
}

int64_t LoraStack::bytes() const {
  size_t total = 0;
  for (const auto& [parameter, original] : originals_) total += original.nbytes();
  return static_cast<int64_t>(total);
}

}  // namespace cameo::weights
