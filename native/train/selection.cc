#include "train/selection.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "core/rng.h"
#include "models/motion_names.h"

namespace cameo::train {

namespace {

/// Whether `*` in `pattern` can be filled so that it becomes `text`.
bool matchesGlob(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string expandAlias(const std::string& pattern) {
  if (pattern == "attn1") return "*.attentions.*.attn1.*";
  if (pattern == "attention") return "*.to_*.weight";
  if (pattern == "motion") return c10::str("*", models::kMotionModules, "*");
  return pattern == "all" ? "*" : pattern;
}

}  // namespace

std::vector<Parameter*> selectParameters(ParameterSet& parameters, const std::vector<std::string>& patterns) {
  std::vector<std::string> unmatched = patterns;
  std::vector<Parameter*> selected;
  for (Parameter& parameter : parameters.all()) {
    const auto matches = [&](const std::string& pattern) {
      return matchesGlob(expandAlias(pattern), parameter.name);
    };
    if (!parameter.trainable || std::none_of(patterns.begin(), patterns.end(), matches)) continue;
    selected.push_back(&parameter);
    std::erase_if(unmatched, matches);
  }
  if (!unmatched.empty()) {
    throw Error(ErrorCode::InvalidOption, "trained: no parameter matches \"" + unmatched.front() +
                                              "\"; `cameo inspect --keys` lists the names");
  }
  return selected;
}

AdapterNames adapterNames(const Parameter& parameter) {
  const std::string module = parameter.name.substr(0, parameter.name.rfind('.'));
  return {.down = module + ".lora_A.weight", .up = module + ".lora_B.weight"};
}

void freeze(ParameterSet& parameters) {
  for (Parameter& parameter : parameters.all()) parameter.value.set_requires_grad(false);
}

std::vector<Leaf> makeTrainable(const std::vector<Parameter*>& selected) {
  std::vector<Leaf> leaves;
  for (Parameter* parameter : selected) {
    parameter->value = parameter->value.detach().to(at::kFloat).set_requires_grad(true);
    leaves.push_back({parameter->name, &parameter->value});
  }
  return leaves;
}

std::vector<Leaf> addAdapters(const std::vector<Parameter*>& selected, const LoraConfig& config,
                              uint64_t seed) {
  std::vector<Leaf> leaves;
  for (Parameter* parameter : selected) {
    // Tables are looked up in, not multiplied by.
    if (parameter->shape.size() < 2 || parameter->name.ends_with("_embedding.weight")) continue;
    std::vector<int64_t> down = parameter->shape, up(parameter->shape.size(), 1);
    down[0] = up[1] = config.rank;
    up[0] = parameter->shape[0];
    const double bound = 1 / std::sqrt(static_cast<double>(parameter->numel() / parameter->shape[0]));
    const auto options = parameter->value.options().dtype(at::kFloat);
    parameter->adapter =
        LowRank{.down = at::empty(down)
                            .uniform_(-bound, bound,
                                      makeGenerator(seed, RandomStream::InitialWeights, leaves.size() + 1))
                            .to(options)
                            .set_requires_grad(true),
                .up = at::zeros(up, options).set_requires_grad(true),
                .scale = config.alpha / static_cast<double>(config.rank)};
    const AdapterNames names = adapterNames(*parameter);
    leaves.push_back({names.down, &parameter->adapter->down});
    leaves.push_back({names.up, &parameter->adapter->up});
  }
  if (leaves.empty()) {
    throw Error(ErrorCode::InvalidOption, "lora: nothing among `trained` is a matrix; name linear layers");
  }
  return leaves;
}

WithoutAdapters::WithoutAdapters(ParameterSet& parameters) {
  for (Parameter& parameter : parameters.all()) {
    if (!parameter.adapter) continue;
    taken_.emplace_back(&parameter, *parameter.adapter);
    parameter.adapter.reset();
  }
}

WithoutAdapters::~WithoutAdapters() {
  for (auto& [parameter, adapter] : taken_) parameter->adapter = std::move(adapter);
}

std::vector<at::Tensor> tensorsOf(const std::vector<Leaf>& leaves) {
  std::vector<at::Tensor> tensors;
  for (const Leaf& leaf : leaves) tensors.push_back(*leaf.place);
  return tensors;
}

}  // namespace cameo::train
