#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Who writes a LoRA's names so.
enum class LoraNaming { Kohya, Peft, Diffusers };

enum class LoraPart {
  Down,
  Up,
  Mid,
  Alpha,
  Difference,      // of the whole weight
  BiasDifference,  // of the bias beside it
};

/// The name of a LoRA's tensor, taken apart.
struct LoraName {
  LoraNaming naming;
  std::string network;  // "unet", "text_encoder"; of other models "text_encoder_2", "transformer" ...
  std::string layer;    // as in diffusers; with underscores for dots where `is_flat`, as kohya writes it
  std::string shown;    // the layer as the file calls it, for messages
  bool is_flat = false;
  LoraPart part;
};

/// Takes a name of a file apart: kohya's `lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight`,
/// PEFT's `unet.down_blocks.0.attentions.0.proj_in.lora_A.weight`, diffusers' `.lora.down.weight`,
/// `.processor.to_q_lora.down.weight` and `.lora_linear_layer.down.weight`, and `.alpha` of any of them.
/// None where the name is no part of a LoRA.
std::optional<LoraName> parseLoraName(std::string_view key);

/// Whether a file has a part of a LoRA, in any of these names, or of what `otherAdapterOf` knows.
bool isAnyLora(const TensorSource& source);

/// What a tensor is a part of that is like a LoRA and can't be added as one: "a LoHa (LyCORIS)", "a DoRA".
std::optional<std::string_view> otherAdapterOf(std::string_view key);

}  // namespace cameo::weights
