#include "train/ema.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace cameo::train {

Ema::Ema(const std::vector<at::Tensor>& leaves, double decay) : decay_(decay) {
  for (const at::Tensor& leaf : leaves) averages_.push_back(leaf.detach().clone());
}

void Ema::update(const std::vector<at::Tensor>& leaves) {
  const c10::AutoGradMode no_gradients(false);
  const auto n = static_cast<double>(updates_++);
  const double decay = n == 0 ? 0 : std::min(decay_, (1 + n) / (10 + n));
  at::_foreach_lerp_(averages_, leaves, 1 - decay);
}

AveragesInPlace::AveragesInPlace(const std::vector<Leaf>& leaves, const Ema* ema) : leaves_(leaves) {
  if (ema == nullptr) return;
  trained_ = tensorsOf(leaves);
  for (size_t i = 0; i < leaves.size(); ++i) *leaves[i].place = ema->averages()[i];
}

AveragesInPlace::~AveragesInPlace() {
  for (size_t i = 0; i < trained_.size(); ++i) *leaves_[i].place = trained_[i];
}

}  // namespace cameo::train
