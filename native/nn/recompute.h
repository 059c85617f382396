#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "core/parameters.h"

namespace cameo::nn {

/// The tensors among `parameters`, and in their adapters, that take gradients.
std::vector<at::Tensor> trainedTensors(const std::vector<const Parameter*>& parameters);

/// The parameters that were declared between two moments of a network's construction.
class ParameterRange {
 public:
  explicit ParameterRange(ParameterSet& set) : set_(&set), first_(set.all().size()), last_(first_) {}

  /// Ends the range here.
  void close() { last_ = set_->all().size(); }

  /// The tensors among them that take gradients.
  std::vector<at::Tensor> trained() const;

 private:
  ParameterSet* set_;
  size_t first_, last_;
};

using Block = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

/// `block(inputs)` without keeping what happens inside for the backward pass, which runs the block a second
/// time (gradient checkpointing, arXiv 1604.06174). `parameters` are the trained tensors that the block
/// reads. The block must give the same result twice, and what it refers to must live until the backward pass.
/// Within a block that is running for the second time, it just runs.
at::Tensor recompute(const Block& block, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& parameters);

}  // namespace cameo::nn
