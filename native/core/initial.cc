#include "core/initial.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace cameo {

Initial normalInitial(double deviation) {
  return [deviation](const std::vector<int64_t>& shape, const at::Generator& generator) {
    return at::normal(0, deviation, shape, generator);
  };
}

Initial xavierInitial() {
  return [](const std::vector<int64_t>& shape, const at::Generator& generator) {
    const at::Tensor value = at::empty(shape);
    const double bound = std::sqrt(6 / static_cast<double>(value.numel() / shape[0] + shape[0]));
    return value.uniform_(-bound, bound, generator);
  };
}

Initial constantInitial(double value) {
  return [value](const std::vector<int64_t>& shape, const at::Generator&) { return at::full(shape, value); };
}

void setInitial(ParameterSet& parameters, const std::vector<InitialOfEnd>& rules) {
  for (Parameter& parameter : parameters.all()) {
    const auto rule = std::ranges::find_if(
        rules, [&](const InitialOfEnd& each) { return parameter.name.ends_with(each.first); });
    if (rule != rules.end() && rule->second) parameter.initial = rule->second;
  }
}

}  // namespace cameo
