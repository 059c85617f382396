#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace cameo::models {

/// What ControlNets add to a UNet: to each intermediate result of its way down, in order, and to the middle
/// block's. Each is (B*F, C, h, w) or (B*F, C, 1, 1), of the frames alone.
struct ControlResiduals {
  std::vector<at::Tensor> skips;  // as many as the way down has, or those of the outermost layers alone
  at::Tensor mid;                 // undefined where `skips` are the outermost layers' alone

  bool empty() const { return skips.empty(); }
  /// Takes another network's with these.
  void add(const ControlResiduals& others);
};

}  // namespace cameo::models
