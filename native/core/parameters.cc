#include "core/parameters.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <functional>
#include <numeric>

#include "core/error.h"

namespace cameo {

at::Tensor Parameter::merged() const {
  if (!adapter) return value;
  const at::Tensor product = at::mm(adapter->up.flatten(1), adapter->down.flatten(1)).view(shape);
  return value + (product * adapter->scale).to(value.scalar_type());
}

at::MemoryFormat Parameter::channelsLast() const {
  if (shape.size() == 4) return at::MemoryFormat::ChannelsLast;
  const bool is_over_space = shape.size() == 5 && shape[3] > 1;
  return is_over_space ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::Contiguous;
}

at::ScalarType Parameter::storedIn(at::ScalarType dtype) const {
  return in_float || (not_in_half && dtype == at::kHalf) ? at::kFloat : dtype;
}

int64_t Parameter::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

Parameter& ParameterSet::declare(std::string name, std::vector<int64_t> shape) {
  if (parameters_.size() == kMost) {
    throw Error(ErrorCode::WeightsFormat, c10::str("the config describes a network of more than ", kMost,
                                                   " tensors, which none has; get it again"));
  }
  Parameter& parameter =
      parameters_.emplace_back(Parameter{.name = std::move(name), .shape = std::move(shape), .value = {}});
  const bool added = by_name_.emplace(parameter.name, &parameter).second;
  TORCH_INTERNAL_ASSERT(added, "parameter declared twice: ", parameter.name);
  return parameter;
}

Parameter* ParameterSet::find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

int64_t ParameterSet::numel() const {
  int64_t total = 0;
  for (const Parameter& parameter : parameters_) total += parameter.numel();
  return total;
}

void ParameterSet::join() {
  for (const auto& matrices : joined_) {
    std::vector<at::Tensor> values;
    std::vector<int64_t> rows;
    for (const Parameter* matrix : matrices) {
      values.push_back(matrix->value);
      rows.push_back(matrix->shape[0]);
    }
    const std::vector<at::Tensor> together = at::cat(values).split_with_sizes(rows);
    for (size_t i = 0; i < matrices.size(); ++i) matrices[i]->value = together[i];
  }
}

at::Tensor joinedRows(std::initializer_list<const Parameter*> matrices) {
  const at::Tensor& first = (*matrices.begin())->value;
  int64_t rows = 0;
  for (const Parameter* matrix : matrices) {
    const at::Tensor& value = matrix->value;
    const bool follows = value.is_contiguous() && value.is_alias_of(first) &&
                         value.storage_offset() == first.storage_offset() + rows * first.size(1);
    if (!follows || value.requires_grad() || matrix->adapter) return {};
    rows += value.size(0);
  }
  return first.as_strided({rows, first.size(1)}, {first.size(1), 1});
}

Scope Scope::operator/(std::string_view child) const {
  return Scope(*set_, prefix_ + std::string(child) + ".");
}

Parameter& Scope::parameter(std::string_view name, std::vector<int64_t> shape) const {
  return set_->declare(prefix_ + std::string(name), std::move(shape));
}

Parameter& Scope::parameterInFloat(std::string_view name, std::vector<int64_t> shape) const {
  Parameter& result = parameter(name, std::move(shape));
  result.in_float = true;
  return result;
}

Parameter& Scope::buffer(std::string_view name, std::vector<int64_t> shape) const {
  Parameter& result = parameter(name, std::move(shape));
  result.trainable = false;
  return result;
}

}  // namespace cameo
