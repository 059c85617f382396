#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::pipeline {

/// A model with one request's conditions. Its branches are ways of conditioning it, from the least conditions
/// (none, or the negative prompt) to all of them; guidance leads along them.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  virtual int64_t branches() const = 0;

  /// What the network takes for the last `count` branches, called once for each level: of `latents` (1, F, C,
  /// h, w), of variance 1 as the network was trained -> (count, F+R, C', h, w), fp32, the frames first.
  virtual at::Tensor input(const at::Tensor& latents, double time, int64_t count) = 0;

  /// The network's output, fp32, for the rows of such an input that belong to the branches from `first` on.
  virtual at::Tensor evaluate(const at::Tensor& input, double time, int64_t first) = 0;
};

}  // namespace cameo::pipeline
