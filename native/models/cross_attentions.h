#pragma once

#include <string>
#include <vector>

#include "models/unet_config.h"

namespace cameo::models {

/// One of a UNet's layers that attend to the text.
struct CrossAttention {
  std::string name;  // as in diffusers: "down_blocks.0.attentions.0.transformer_blocks.0.attn2"
  int64_t channels = 0;
  int64_t context_dim = 0;  // of the text
};

/// In diffusers' order: those of the way down, of the way up, and of the middle. IP-Adapter's files number
/// them so.
std::vector<CrossAttention> crossAttentions(const UNetConfig& config);

/// The number of the first one within the transformer of this name, as "mid_block.attentions.0".
size_t firstCrossAttention(const UNetConfig& config, const std::string& transformer);

}  // namespace cameo::models
