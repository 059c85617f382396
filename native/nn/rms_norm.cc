#include "nn/rms_norm.h"

#include <ATen/ATen.h>

namespace cameo::nn {

RmsNorm::RmsNorm(const Scope& scope, int64_t channels, double eps)
    : eps_(eps), weight_(scope.parameter("weight", {channels})) {}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  const at::Tensor exact = x.to(at::kFloat);
  const at::Tensor scale = exact.square().mean(-1, /*keepdim=*/true).add_(eps_).rsqrt_();
  return (exact * scale).to(weight_->scalar_type()) * *weight_;
}

}  // namespace cameo::nn
