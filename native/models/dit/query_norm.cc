#include "models/dit/query_norm.h"

#include <ATen/ATen.h>

namespace cameo::models {

QueryNorm::QueryNorm(const Scope& scope, int64_t dim, double eps)
    : eps_(eps), weight_(scope.parameter("weight", {dim})) {}

at::Tensor QueryNorm::forward(const at::Tensor& x, int64_t heads, const Rotary* rotary) const {
  const at::Tensor exact = x.to(at::kFloat);
  const at::Tensor scale = exact.square().mean(-1, /*keepdim=*/true).add(eps_).rsqrt();
  const at::Tensor normed = (exact * scale * weight_.like(exact)).unflatten(-1, {heads, -1});
  return (rotary == nullptr ? normed : rotated(normed, *rotary)).to(x.scalar_type());
}

}  // namespace cameo::models
