#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace cameo::train {

AdamW::AdamW(std::vector<at::Tensor> parameters, const AdamWConfig& config) : config_(config) {
  for (at::Tensor& parameter : parameters) {
    slots_.push_back({.parameter = parameter,
                      .first_moment = at::zeros_like(parameter),
                      .second_moment = at::zeros_like(parameter),
                      .steps = at::zeros({}, parameter.options().dtype(at::kFloat))});
  }
}

double AdamW::step(double learning_rate) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<at::Tensor> parameters, gradients, first_moments, second_moments, step_counts;
  for (Slot& slot : slots_) {
    at::Tensor& gradient = slot.parameter.mutable_grad();
    if (!gradient.defined()) continue;
    parameters.push_back(slot.parameter);
    gradients.push_back(std::move(gradient));
    first_moments.push_back(slot.first_moment);
    second_moments.push_back(slot.second_moment);
    step_counts.push_back(slot.steps);
    gradient.reset();
  }
  if (gradients.empty()) return 0;
  const double norm = at::stack(at::_foreach_norm(gradients)).norm().item<double>();
  if (!std::isfinite(norm)) return norm;
  if (config_.max_gradient_norm > 0 && norm > config_.max_gradient_norm) {
    at::_foreach_mul_(gradients, config_.max_gradient_norm / (norm + 1e-6));  // 1e-6 as in PyTorch
  }
  ++steps_;
  at::_foreach_add_(step_counts, 1);
  at::_fused_adamw_(parameters, gradients, first_moments, second_moments, {}, step_counts, learning_rate,
                    config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                    /*maximize=*/false);
  return norm;
}

}  // namespace cameo::train
