#pragma once

#include <ATen/core/Tensor.h>

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// A cheap stand-in for the VAE's decoder: colours as an affine function of each latent position. Fitted to
/// the loaded VAE, so that it holds for any.
class LatentPreview {
 public:
  explicit LatentPreview(const Pipeline& pipeline);

  /// Scaled latents of one frame, (C, h, w) -> w x h pixels.
  RgbImage render(const at::Tensor& latents) const;

 private:
  at::Tensor weights_;  // (C + 1, 3), fp32 on the CPU
};

}  // namespace cameo::pipeline
