#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weights/key_maps.h"
#include "weights/names/name_table.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// What a UNet's layers have for films.
enum class OverTime {
  Nothing,
  After,   // convolutions and transformers over time after those over space, as I2VGen-XL and DynamiCrafter
  Blended  // beside each layer one over time, blended with it, as Stable Video Diffusion
};

/// What decides how the blocks of a Stable Diffusion UNet are numbered.
struct UNetBlocks {
  std::vector<bool> down_attention;  // by block, from the outermost inwards: whether it has transformers
  std::vector<bool> up_attention;    // by block, from the innermost outwards
  int64_t layers = 2;                // a block's; one more on the way up
  OverTime over_time = OverTime::Nothing;
};

/// Of a UNet in diffusers' names; `has` says whether it has a layer ("down_blocks.0.resnets.0.conv1").
UNetBlocks diffusersUNetBlocks(const std::function<bool(const std::string& layer)>& has);

/// What stands before the UNet's names in a checkpoint.
inline constexpr std::string_view kLdmUNet = "model.diffusion_model.";

/// The names of CompVis' and Stability's UNet (`input_blocks.1.0.in_layers.0`), without `kLdmUNet`.
NameTable ldmUNetNames(const UNetBlocks& blocks);

/// How the way down is built of a UNet or ControlNet whose names in the file begin with `start`; nothing is
/// said of the way up. Throws `ErrorCode::WeightsFormat` as `ldmUNetBlocks`.
UNetBlocks ldmWayDown(const TensorSource& source, std::string_view start);

/// How the UNet is built whose names in the file begin with `start`. Throws `ErrorCode::WeightsFormat` for
/// one that diffusers' names can't say.
UNetBlocks ldmUNetBlocks(const TensorSource& source, std::string_view start);

/// The names of the UNet that a checkpoint in one file has; what else it has is left out. Throws as
/// `ldmUNetBlocks`.
KeyMap ldmUNetKeys(const TensorSource& source);

}  // namespace cameo::weights
