#include "models/dit/head_norm.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "cpu/head_norm.h"
#include "nn/plain_kernels.h"

namespace cameo::models {

HeadNorm::HeadNorm(const Scope& scope, int64_t head_size, double eps)
    : eps_(eps),
      weight_(scope.parameter("weight", {head_size})),
      bias_(scope.parameter("bias", {head_size})) {}

at::Tensor HeadNorm::forward(const at::Tensor& x, const Rotary* rotary, int64_t first) const {
  const auto normed = [&] { return at::layer_norm(x, {x.size(3)}, weight_.like(x), bias_.like(x), eps_); };
  if (c10::GradMode::is_enabled()) {
    const at::Tensor y = normed();
    if (rotary == nullptr) return y;
    return at::cat(
        {y.narrow(1, 0, first), rotated(y.narrow(1, first, y.size(1) - first), *rotary).to(y.scalar_type())},
        1);
  }
  if (!nn::PlainKernels::on() && cpu::headNormTakes(x)) {
    cpu::normHeads(x, {.weight = *weight_,
                       .bias = *bias_,
                       .eps = eps_,
                       .cos = rotary ? rotary->cos : at::Tensor(),
                       .sin = rotary ? rotary->sin : at::Tensor(),
                       .first = first});
    return x;
  }
  x.copy_(normed());
  if (rotary != nullptr) rotate(x.narrow(1, first, x.size(1) - first), *rotary);
  return x;
}

}  // namespace cameo::models
