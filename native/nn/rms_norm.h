#pragma once

#include <ATen/core/Tensor.h>

#include "core/parameters.h"

namespace cameo::nn {

/// Divides the last dimension by the root of its mean square (arXiv 1910.07467); x (..., C). Computed in
/// fp32; the result has the weight's type.
class RmsNorm {
 public:
  RmsNorm(const Scope& scope, int64_t channels, double eps);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  double eps_;
  const Parameter& weight_;
};

}  // namespace cameo::nn
