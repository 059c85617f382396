#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::train {

/// Follows how large a VAE's latents are, in a moving mean over steps: a diffusion model wants them with a
/// deviation of 1 (arXiv 2112.10752, appendix G).
class LatentScale {
 public:
  LatentScale();

  /// `square`: the mean square of a step's latents, after their shift.
  void update(double square);

  /// What latents are to be multiplied by; `otherwise` before the first update.
  double factor(double otherwise) const;

  /// What a checkpoint has of it, fp64 (2).
  const at::Tensor& state() const { return state_; }

 private:
  at::Tensor state_;  // the moving sum of the squares, and that of their weights
};

}  // namespace cameo::train
