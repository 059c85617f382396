#include "models/dit/patches.h"

#include <ATen/ATen.h>

#include "nn/affine.h"

namespace cameo::models {

namespace {

std::vector<int64_t> patchShape(const PatchEmbedding::Config& config) {
  const PatchSize& patch = config.patch;
  switch (config.stored) {
    case PatchEmbedding::Stored::Matrix:
      return {config.dim, config.channels * patch.latents()};
    case PatchEmbedding::Stored::Kernel2d:
      return {config.dim, config.channels, patch.side, patch.side};
    case PatchEmbedding::Stored::Kernel3d:
      break;
  }
  return {config.dim, config.channels, patch.frames, patch.side, patch.side};
}

}  // namespace

TokenGrid tokenGrid(const PatchSize& patch, int64_t frames, int64_t height, int64_t width) {
  return {frames / patch.frames, height / patch.side, width / patch.side};
}

at::Tensor toPatches(const at::Tensor& latents, const PatchSize& patch) {
  // (B, F', pt, C, h', p, w', p) -> (B, F', h', w', C, pt, p, p)
  return latents.unflatten(4, {-1, patch.side})
      .unflatten(3, {-1, patch.side})
      .unflatten(1, {-1, patch.frames})
      .permute({0, 1, 4, 6, 3, 2, 5, 7})
      .flatten(4, 7)
      .flatten(1, 3);
}

at::Tensor fromPatches(const at::Tensor& tokens, const PatchSize& patch, const TokenGrid& grid) {
  return tokens.unflatten(2, {-1, patch.frames, patch.side, patch.side})
      .unflatten(1, {grid.frames, grid.height, grid.width})
      .permute({0, 1, 5, 4, 2, 6, 3, 7})
      .flatten(6, 7)
      .flatten(4, 5)
      .flatten(1, 2);
}

PatchEmbedding::PatchEmbedding(const Scope& scope, const Config& config)
    : patch_(config.patch),
      weight_(scope.parameter("weight", patchShape(config))),
      bias_(config.bias ? &scope.parameter("bias", {config.dim}) : nullptr) {}

at::Tensor PatchEmbedding::forward(const at::Tensor& latents) const {
  return nn::affine(toPatches(latents, patch_), weight_.merged().to(latents.scalar_type()).flatten(1),
                    bias_ ? std::optional(bias_->like(latents)) : std::nullopt);
}

}  // namespace cameo::models
