#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace cameo::train {

struct AdamWConfig {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  double max_gradient_norm = 1;  // of all gradients together; 0: not clipped
};

/// AdamW (arXiv 1711.05101) over fp32 parameters, by libtorch's fused kernel.
class AdamW {
 public:
  AdamW(std::vector<at::Tensor> parameters, const AdamWConfig& config);

  /// Takes the parameters' gradients, clips them by their common norm, moves the parameters and drops the
  /// gradients. A parameter without a gradient stands still. Returns the norm before clipping; where that
  /// isn't finite nothing is moved and the step does not count.
  double step(double learning_rate);

  int64_t steps() const { return steps_; }

 private:
  /// A parameter and its state; `steps` counts as the fused kernel does.
  struct Slot {
    at::Tensor parameter, first_moment, second_moment, steps;
  };

  AdamWConfig config_;
  int64_t steps_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace cameo::train
