#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace cameo::train {

AdamW::AdamW(std::vector<at::Tensor> parameters, const AdamWConfig& config)
    : config_(config), parameters_(std::move(parameters)) {
  for (const at::Tensor& parameter : parameters_) {
    first_moments_.push_back(at::zeros_like(parameter));
    second_moments_.push_back(at::zeros_like(parameter));
    step_counts_.push_back(at::zeros({}, parameter.options().dtype(at::kFloat)));
  }
}

std::vector<at::Tensor> AdamW::takeGradients() {
  std::vector<at::Tensor> gradients;
  for (at::Tensor& parameter : parameters_) {
    at::Tensor& gradient = parameter.mutable_grad();
    // A parameter that took no part in this step, such as a reference's where it was dropped, stands still.
    gradients.push_back(gradient.defined() ? gradient : at::zeros_like(parameter));
    gradient.reset();
  }
  return gradients;
}

double AdamW::step(double learning_rate) {
  const c10::AutoGradMode no_gradients(false);
  const std::vector<at::Tensor> gradients = takeGradients();
  const double norm = at::stack(at::_foreach_norm(gradients)).norm().item<double>();
  if (!std::isfinite(norm)) return norm;
  if (config_.max_gradient_norm > 0 && norm > config_.max_gradient_norm) {
    at::_foreach_mul_(gradients, config_.max_gradient_norm / (norm + 1e-6));  // 1e-6 as in PyTorch
  }
  ++steps_;
  at::_foreach_add_(step_counts_, 1);
  at::_fused_adamw_(parameters_, gradients, first_moments_, second_moments_, {}, step_counts_, learning_rate,
                    config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                    /*maximize=*/false);
  return norm;
}

}  // namespace cameo::train
