#include "models/dit/modulation.h"

#include <ATen/ATen.h>

namespace cameo::models {

ModulatedNorm::ModulatedNorm(const Scope& scope, const Config& config)
    : config_(config),
      weight_(config.affine ? &scope.parameter("weight", {config.dim}) : nullptr),
      bias_(config.affine ? &scope.parameter("bias", {config.dim}) : nullptr) {}

ModulatedNorm::Folded ModulatedNorm::folded(const Modulation& modulation, int64_t sample) const {
  const at::Tensor scale = modulation.scale[sample].to(at::kFloat) + 1;
  const at::Tensor shift = modulation.shift[sample].to(at::kFloat);
  if (weight_ == nullptr) return {scale, shift};
  return {(*weight_)->to(at::kFloat) * scale, (*bias_)->to(at::kFloat) * scale + shift};
}

at::Tensor ModulatedNorm::forward(const at::Tensor& x, const Folded& folded) const {
  return at::layer_norm(x, {config_.dim}, folded.weight.to(x.scalar_type()), folded.bias.to(x.scalar_type()),
                        config_.eps);
}

}  // namespace cameo::models
