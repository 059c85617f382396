#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "train/selection.h"

namespace cameo::train {

/// Exponential moving averages of what is trained. The first update takes the values as they are, the n-th
/// after it has the decay min(decay, (1 + n) / (10 + n)), so that the start is soon forgotten, as in
/// diffusers.
class Ema {
 public:
  Ema(const std::vector<at::Tensor>& leaves, double decay);

  void update(const std::vector<at::Tensor>& leaves);

  /// In the leaves' order. What a checkpoint has is copied into them.
  const std::vector<at::Tensor>& averages() const { return averages_; }
  int64_t updates() const { return updates_; }
  void setUpdates(int64_t updates) { updates_ = updates; }

 private:
  double decay_;
  int64_t updates_ = 0;
  std::vector<at::Tensor> averages_;
};

/// While it lives, the networks have the averages in place of what is trained. `ema` may be null: nothing
/// then changes.
class AveragesInPlace {
 public:
  AveragesInPlace(const std::vector<Leaf>& leaves, const Ema* ema);
  ~AveragesInPlace();
  AveragesInPlace(const AveragesInPlace&) = delete;
  AveragesInPlace& operator=(const AveragesInPlace&) = delete;

 private:
  const std::vector<Leaf>& leaves_;
  std::vector<at::Tensor> trained_;  // empty where nothing changed
};

}  // namespace cameo::train
