#pragma once

#include <ATen/core/Tensor.h>

#include "nn/layers.h"

namespace cameo::models {

/// What a time makes of some tokens: each (B, dim).
struct Modulation {
  at::Tensor shift;
  at::Tensor scale;
  at::Tensor gate = {};  // of what is added to the tokens; undefined where nothing is
};

/// A layer norm over the last dimension whose result is multiplied by 1 + scale, to which shift is added
/// (arXiv 2212.09748). Without `affine` it has no weights of its own.
class ModulatedNorm {
 public:
  struct Config {
    int64_t dim = 0;
    double eps = 1e-5;
    bool affine = true;
  };

  ModulatedNorm(const Scope& scope, const Config& config);

  /// The norm's own weights and one sample's modulation as one pair of weights, (dim) each.
  struct Folded {
    at::Tensor weight, bias;
  };
  Folded folded(const Modulation& modulation, int64_t sample) const;
  /// x (..., dim).
  at::Tensor forward(const at::Tensor& x, const Folded& folded) const;

 private:
  Config config_;
  const Parameter *weight_, *bias_;  // null where not affine
};

}  // namespace cameo::models
