#pragma once

#include <string>

#include "nn/layers.h"

namespace cameo::nn {

/// Two linear layers with a hidden size of 4 x dim, the first one gated by GELU ("geglu") or followed by it
/// ("gelu", "gelu-approximate"): x (..., dim) -> (..., dim).
class FeedForward {
 public:
  FeedForward(const Scope& scope, int64_t dim, const std::string& activation = "geglu");
  at::Tensor forward(const at::Tensor& x) const;

 private:
  bool gated_;
  const char* approximation_;  // of GELU: "none" or "tanh"
  Linear proj_;
  Linear out_;
};

}  // namespace cameo::nn
