#pragma once

#include <nlohmann/json.hpp>

#include "weights/load.h"

namespace cameo::weights {

/// Whether a file's tensors are a ControlNet's or SparseCtrl's, whatever their names.
bool isControlFile(const TensorSource& source);
/// Whether they are SparseCtrl's, which has motion modules.
bool isSparseControlFile(const TensorSource& source);

/// A ControlNet's or SparseCtrl's tensors under diffusers' names: in the original checkpoints they are parts
/// of a larger one (`control_model.input_blocks.1...`) or within what they were trained in (`controlnet.`),
/// and SparseCtrl's motion modules have AnimateDiff's names. Throws `ErrorCode::WeightsFormat` for a file
/// that has only what was changed of a base.
Layer controlLayer(const std::shared_ptr<const TensorSource>& source);

/// As `inferUNetConfig`, of a ControlNet or SparseCtrl.
nlohmann::json inferControlConfig(const Layer& control);

/// What base it goes with, by the width of the text that it reads, in words: "for Stable Diffusion 1.5".
/// `is_known` says whether one is loaded here.
struct ControlBase {
  std::string description;
  bool is_known = true;
};
ControlBase controlBaseOf(const TensorSource& source);

}  // namespace cameo::weights
