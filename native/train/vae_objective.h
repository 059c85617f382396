#pragma once

#include <ATen/core/Tensor.h>

#include "models/vae.h"
#include "train/losses.h"

namespace cameo::train {

struct VaeObjectiveConfig {
  double detail = 1;  // weight of the loss of finite differences
  double kl = 1e-6;   // weight of the divergence from a unit normal
};

struct VaeBatch {
  at::Tensor images;  // (B, 3, H, W) in -1..1, fp32
  at::Tensor noise;   // (B, C, h, w), fp32
};

/// Reconstruction through latents drawn from the posterior, z = mean + deviation * noise:
///   total = reconstruction + detail weight * detail + kl weight * kl, where, with e = decode(z) - images,
///   reconstruction = mean |e|,
///   detail = mean of |e's differences between neighbours|, horizontal and vertical, over e at full, half and
///     quarter size,
///   kl = mean over the latents' elements of the divergence of the posterior from a unit normal.
/// The networks compute in `dtype`, the losses in fp32.
Losses computeVaeLosses(const models::Vae& vae, const VaeObjectiveConfig& config, const VaeBatch& batch,
                        at::ScalarType dtype);

}  // namespace cameo::train
