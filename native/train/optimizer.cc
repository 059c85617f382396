#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace cameo::train {

AdamW::AdamW(const std::vector<at::Tensor>& parameters, const AdamWConfig& config,
             const std::vector<bool>& owned)
    : config_(config) {
  for (const at::Tensor& parameter : parameters) {
    Slot slot{.parameter = parameter,
              .first_moment = {},
              .second_moment = {},
              .steps = {},
              .owned = owned.empty() || owned[slots_.size()]};
    if (slot.owned) {
      slot.first_moment = at::zeros_like(parameter);
      slot.second_moment = at::zeros_like(parameter);
      slot.steps = at::zeros({}, parameter.options().dtype(at::kFloat));
    }
    slots_.push_back(std::move(slot));
  }
}

void AdamW::dropGradients() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad().reset();
}

double AdamW::step(double learning_rate) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<at::Tensor> all_gradients, parameters, gradients, first_moments, second_moments, step_counts;
  for (Slot& slot : slots_) {
    const at::Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    all_gradients.push_back(gradient);
    if (!slot.owned) continue;
    parameters.push_back(slot.parameter);
    gradients.push_back(gradient);
    first_moments.push_back(slot.first_moment);
    second_moments.push_back(slot.second_moment);
    step_counts.push_back(slot.steps);
  }
  dropGradients();
  if (all_gradients.empty()) return 0;
  const double norm = at::stack(at::_foreach_norm(all_gradients)).norm().item<double>();
  all_gradients.clear();
  if (!std::isfinite(norm) || gradients.empty()) return norm;
  if (config_.max_gradient_norm > 0 && norm > config_.max_gradient_norm) {
    at::_foreach_mul_(gradients, config_.max_gradient_norm / (norm + 1e-6));  // 1e-6 as in PyTorch
  }
  at::_foreach_add_(step_counts, 1);
  at::_fused_adamw_(parameters, gradients, first_moments, second_moments, {}, step_counts, learning_rate,
                    config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                    /*maximize=*/false);
  return norm;
}

}  // namespace cameo::train
