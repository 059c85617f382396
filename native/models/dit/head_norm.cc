#include "models/dit/head_norm.h"

#include <ATen/ATen.h>

#include "cpu/head_norm.h"
#include "nn/plain_kernels.h"

namespace cameo::models {

HeadNorm::HeadNorm(const Scope& scope, int64_t head_size, double eps)
    : eps_(eps),
      weight_(scope.parameter("weight", {head_size})),
      bias_(scope.parameter("bias", {head_size})) {}

void HeadNorm::forward(const at::Tensor& x, const Rotary* rotary, int64_t first) const {
  if (!nn::PlainKernels::on() && cpu::headNormTakes(x)) {
    cpu::normHeads(x, {.weight = *weight_,
                       .bias = *bias_,
                       .eps = eps_,
                       .cos = rotary ? rotary->cos : at::Tensor(),
                       .sin = rotary ? rotary->sin : at::Tensor(),
                       .first = first});
    return;
  }
  x.copy_(at::layer_norm(x, {x.size(3)}, weight_.like(x), bias_.like(x), eps_));
  if (rotary != nullptr) rotate(x.narrow(1, first, x.size(1) - first), *rotary);
}

}  // namespace cameo::models
