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

ChannelMoments::ChannelMoments(int64_t channels) : state_(at::zeros({3, channels}, at::kDouble)) {}

void ChannelMoments::update(const std::vector<double>& means, const std::vector<double>& squares) {
  const at::Tensor step = at::stack({at::tensor(means, at::kDouble), at::tensor(squares, at::kDouble),
                                     at::ones({state_.size(1)}, at::kDouble)});
  state_.lerp_(step, 1 - kDecay);
}

bool ChannelMoments::isKnown() const {
  return state_[2][0].item<double>() > 0 && state_.isfinite().all().item<bool>();
}

std::vector<double> ChannelMoments::means() const {
  const at::Tensor means = state_[0] / state_[2];
  return {means.const_data_ptr<double>(), means.const_data_ptr<double>() + means.numel()};
}

std::vector<double> ChannelMoments::deviations() const {
  const at::Tensor variances = state_[1] / state_[2] - (state_[0] / state_[2]).square();
  const at::Tensor deviations = variances.clamp_min(1e-12).sqrt();
  return {deviations.const_data_ptr<double>(), deviations.const_data_ptr<double>() + deviations.numel()};
}

}  // namespace cameo::train
