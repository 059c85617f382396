#pragma once

#include <map>
#include <string>
#include <vector>

#include "weights/lora/layers.h"

namespace cameo::weights {

/// How strong a LoRA is in parts of a model: {"down_blocks.1": 0.5, "text_encoder": 0.8}. A part is a
/// network, or the beginning of the names of a network's layers, up to a dot, with the network before it or,
/// for the UNet, without.
class LoraBlocks {
 public:
  /// Throws `ErrorCode::InvalidOption` for a part that no network has, naming what there is.
  LoraBlocks(const std::map<std::string, double>& scales, const std::vector<LoraNetwork>& networks);

  /// The scale of the longest part that has the parameter; 1 where none has.
  double scaleOf(const std::string& network, const Parameter& parameter) const;

 private:
  std::map<std::string, double> scales_;  // by parts with their networks
};

}  // namespace cameo::weights
