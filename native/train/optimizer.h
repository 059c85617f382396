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
  /// A parameter and its state; `steps` counts as the fused kernel does.
  struct Slot {
    at::Tensor parameter, first_moment, second_moment, steps;
    bool owned = true;  // false: another process has its state and moves it
  };

  /// `owned`: which of the parameters this process moves; empty: all of them.
  AdamW(const std::vector<at::Tensor>& parameters, const AdamWConfig& config,
        const std::vector<bool>& owned = {});

  /// Takes the parameters' gradients, clips them by their common norm, moves the parameters and drops the
  /// gradients. A parameter without a gradient stands still. Returns the norm before clipping; where that
  /// isn't finite nothing is moved.
  double step(double learning_rate);

  /// Takes the gradients away and moves nothing.
  void dropGradients();

  /// In the parameters' order. What a checkpoint has is copied into their tensors.
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  AdamWConfig config_;
  std::vector<Slot> slots_;
};

}  // namespace cameo::train
