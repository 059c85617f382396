#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace cameo::train {

/// What a step minimises, and what it is made of.
struct Losses {
  at::Tensor total;
  std::map<std::string, at::Tensor> parts;  // before their weights, by their names in a run's metrics
  at::Tensor latents;  // that a VAE drew, before scaling, fp32, without a gradient; else undefined
};

}  // namespace cameo::train
