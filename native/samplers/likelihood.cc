#include "samplers/likelihood.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <numbers>

#include "samplers/sigmas.h"

namespace cameo::samplers {

namespace {

at::Tensor sumOfEach(const at::Tensor& x) {
  return x.flatten(1).sum(1);
}

}  // namespace

at::Tensor logLikelihood(const at::Tensor& clean, const Model& model, const NoiseSchedule& schedule,
                         const std::vector<at::Tensor>& probes, Tolerance tolerance) {
  const c10::InferenceMode off(false);  // in a caller's, autograd would record nothing
  const SigmaTable table(schedule);
  const auto slope = [&](double sigma, const State& state) {
    const at::Tensor x = state[0].detach().requires_grad_(true);
    const at::Tensor eps = model(x, explodingLevel(table.timeOf(sigma), sigma)).noise;
    at::Tensor divergence = at::zeros_like(state[1]);
    for (const at::Tensor& probe : probes) {
      const at::Tensor product = torch::autograd::grad({eps}, {x}, {probe}, /*retain_graph=*/true)[0];
      divergence = divergence + sumOfEach(product * probe) / static_cast<double>(probes.size());
    }
    return State{eps.detach(), divergence.detach()};
  };
  const double smallest = table.smallest(), largest = table.largest();
  const State end = RungeKutta(tolerance).integrate(
      slope, {clean.clone(), at::zeros({clean.size(0)}, clean.options())}, smallest, largest);
  // There, on the preserving scale, all is standard normal.
  const double variance = 1 + largest * largest;
  const auto numbers = static_cast<double>(clean.numel() / clean.size(0));
  const at::Tensor prior = -0.5 * sumOfEach(end[0].square()) / variance -
                           0.5 * numbers * std::log(2 * std::numbers::pi * variance);
  return prior + end[1];
}

}  // namespace cameo::samplers
