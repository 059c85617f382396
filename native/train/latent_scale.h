#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

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

/// The same of each channel for itself, for VAEs whose latents are brought to a mean of 0 and a deviation of
/// 1 channel by channel.
class ChannelMoments {
 public:
  explicit ChannelMoments(int64_t channels);

  /// The means of a step's latents and of their squares, of each channel.
  void update(const std::vector<double>& means, const std::vector<double>& squares);

  /// Whether there was an update.
  bool isKnown() const;
  std::vector<double> means() const;
  std::vector<double> deviations() const;

  /// What a checkpoint has of it, fp64 (3, channels).
  const at::Tensor& state() const { return state_; }

 private:
  at::Tensor state_;  // the moving sums of means and squares, and that of their weights
};

}  // namespace cameo::train
