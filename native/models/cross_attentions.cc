#include "models/cross_attentions.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

namespace cameo::models {

std::vector<CrossAttention> crossAttentions(const UNetConfig& config) {
  std::vector<CrossAttention> all;
  const auto add = [&](const std::string& block, size_t level, int64_t transformers, int64_t layers) {
    for (int64_t i = 0; i < transformers; ++i) {
      for (int64_t layer = 0; layer < layers; ++layer) {
        all.push_back({c10::str(block, ".attentions.", i, ".transformer_blocks.", layer, ".attn2"),
                       config.block_out_channels[level], config.cross_attention_dim[level]});
      }
    }
  };
  const size_t last = config.blocks() - 1;
  for (size_t i = 0; i <= last; ++i) {
    if (!config.down_attention[i]) continue;
    add(c10::str("down_blocks.", i), i, config.layers_per_block[i], config.transformer_layers[i]);
  }
  for (size_t i = 0; i <= last; ++i) {
    if (!config.up_attention[i]) continue;
    const size_t level = last - i;
    add(c10::str("up_blocks.", i), level, config.layers_per_block[level] + 1,
        config.transformer_layers[level]);
  }
  add("mid_block", last, 1, config.mid_transformer_layers);
  return all;
}

size_t firstCrossAttention(const UNetConfig& config, const std::string& transformer) {
  const std::vector<CrossAttention> all = crossAttentions(config);
  const auto first = std::find_if(all.begin(), all.end(), [&](const CrossAttention& attention) {
    return attention.name.starts_with(transformer + ".");
  });
  return static_cast<size_t>(first - all.begin());
}

}  // namespace cameo::models
