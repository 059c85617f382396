#pragma once

#include <vector>

#include "models/unet_config.h"

namespace cameo::models {

/// A ControlNet (arXiv 2302.05543), or SparseCtrl (arXiv 2311.16933), which has motion modules.
struct ControlConfig {
  UNetConfig unet;                 // its way down and middle
  int64_t condition_channels = 3;  // of a condition, without the mask's
  std::vector<int64_t>
      embedding;            // channels of the condition's convolutions; empty: one, at the latents' size
  bool takes_mask = false;  // whether a plane says which frames have a condition
  bool is_bgr = false;      // whether a condition's channels are read from the last to the first
  bool pools = false;       // whether what it adds is one number a channel

  /// SparseCtrl: a few frames have conditions, and its motion modules say what that means for the others.
  bool isSparse() const { return unet.motion.has_value(); }
  /// Whether a condition is latents, not pixels.
  bool takesLatents() const { return embedding.empty(); }
  /// By how much a condition is larger than the latents.
  int64_t stride() const { return embedding.empty() ? 1 : int64_t{1} << (embedding.size() - 1); }

  /// From diffusers' ControlNetModel or SparseControlNetModel config, by its `_class_name`. Throws
  /// `ErrorCode::WeightsFormat` for an architecture that is not one of these.
  static ControlConfig read(const Config& config);
};

}  // namespace cameo::models
