#pragma once

#include <ATen/core/Tensor.h>

#include "core/parameters.h"
#include "models/dit/positions.h"

namespace cameo::models {

/// Layer norm over the numbers of each of attention's heads, then the turn by the tokens' places.
class HeadNorm {
 public:
  HeadNorm(const Scope& scope, int64_t head_size, double eps);

  /// x (B, L, H, d) -> like x, in place where no gradients are recorded. `rotary` is that of the tokens from
  /// `first` on; null: none is turned.
  at::Tensor forward(const at::Tensor& x, const Rotary* rotary, int64_t first) const;

 private:
  double eps_;
  const Parameter& weight_;
  const Parameter& bias_;
};

}  // namespace cameo::models
