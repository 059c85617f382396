#pragma once

#include <ATen/core/Tensor.h>

#include "core/parameters.h"
#include "models/dit/positions.h"

namespace cameo::models {

/// RMS norm over the numbers of all of attention's heads together, then the turn of each by the tokens'
/// places. For queries and for keys.
class QueryNorm {
 public:
  QueryNorm(const Scope& scope, int64_t dim, double eps);

  /// x (B, L, H * d) -> (B, L, H, d); null: none is turned. May write into x: pass a tensor that nothing else
  /// needs.
  at::Tensor forward(const at::Tensor& x, int64_t heads, const Rotary* rotary = nullptr) const;

 private:
  double eps_;
  const Parameter& weight_;
};

}  // namespace cameo::models
