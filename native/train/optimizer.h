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
  /// gradients. Returns the norm before clipping; where that isn't finite nothing is moved and the step does
  /// not count.
  double step(double learning_rate);

  int64_t steps() const { return steps_; }

 private:
  std::vector<at::Tensor> takeGradients();

  AdamWConfig config_;
  int64_t steps_ = 0;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> first_moments_;
  std::vector<at::Tensor> second_moments_;
  std::vector<at::Tensor> step_counts_;  // as the fused kernel takes them
};

}  // namespace cameo::train
