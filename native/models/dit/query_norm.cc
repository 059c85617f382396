#include "models/dit/query_norm.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "cpu/head_norm.h"
#include "nn/plain_kernels.h"

namespace cameo::models {

QueryNorm::QueryNorm(const Scope& scope, int64_t dim, double eps)
    : eps_(eps), weight_(scope.parameter("weight", {dim})) {}

at::Tensor QueryNorm::forward(const at::Tensor& x, int64_t heads, const Rotary* rotary) const {
  const int64_t head_size = x.size(2) / heads;
  if (!c10::GradMode::is_enabled() && !nn::PlainKernels::on() && cpu::widthNormTakes(x, head_size)) {
    cpu::normWidth(x, {.weight = *weight_,
                       .eps = eps_,
                       .head_size = head_size,
                       .cos = rotary ? rotary->cos : at::Tensor(),
                       .sin = rotary ? rotary->sin : at::Tensor()});
    return x.unflatten(-1, {heads, -1});
  }
  const at::Tensor exact = x.to(at::kFloat);
  const at::Tensor scale = exact.square().mean(-1, /*keepdim=*/true).add(eps_).rsqrt();
  const at::Tensor normed = (exact * scale * weight_.like(exact)).unflatten(-1, {heads, -1});
  return (rotary == nullptr ? normed : rotated(normed, *rotary)).to(x.scalar_type());
}

}  // namespace cameo::models
