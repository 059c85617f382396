#include "train/latent_scale.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cameo::train {

namespace {

constexpr double kDecay = 0.99;

}  // namespace

LatentScale::LatentScale() : state_(at::zeros({2}, at::kDouble)) {}

void LatentScale::update(double square) {
  double* state = state_.mutable_data_ptr<double>();
  state[0] += (1 - kDecay) * (square - state[0]);
  state[1] += (1 - kDecay) * (1 - state[1]);
}

double LatentScale::factor(double otherwise) const {
  const double* state = state_.const_data_ptr<double>();
  const bool is_known = state[0] > 0 && std::isfinite(state[0]);
  return is_known ? std::sqrt(state[1] / state[0]) : otherwise;
}

}  // namespace cameo::train
