#include "train/selection.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string_view>

#include "core/error.h"

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
  if (pattern == "motion") return "*.motion_modules.*";
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

std::vector<at::Tensor> makeTrainable(ParameterSet& parameters, const std::vector<Parameter*>& selected) {
  for (Parameter& parameter : parameters.all()) parameter.value.set_requires_grad(false);
  std::vector<at::Tensor> leaves;
  for (Parameter* parameter : selected) {
    parameter->value = parameter->value.detach().to(at::kFloat).set_requires_grad(true);
    leaves.push_back(parameter->value);
  }
  return leaves;
}

}  // namespace cameo::train
