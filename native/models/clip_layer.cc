#include "models/clip_layer.h"

#include <ATen/ATen.h>

#include "nn/attention.h"

namespace cameo::models {

ClipLayer::ClipLayer(const Scope& scope, const ClipLayerConfig& config)
    : config_(config),
      layer_norm1_(scope / "layer_norm1", config.hidden_size, config.eps),
      q_proj_(scope / "self_attn" / "q_proj", config.hidden_size, config.hidden_size),
      k_proj_(scope / "self_attn" / "k_proj", config.hidden_size, config.hidden_size),
      v_proj_(scope / "self_attn" / "v_proj", config.hidden_size, config.hidden_size),
      out_proj_(scope / "self_attn" / "out_proj", config.hidden_size, config.hidden_size),
      layer_norm2_(scope / "layer_norm2", config.hidden_size, config.eps),
      fc1_(scope / "mlp" / "fc1", config.hidden_size, config.intermediate_size),
      fc2_(scope / "mlp" / "fc2", config.intermediate_size, config.hidden_size) {}

at::Tensor ClipLayer::forward(const at::Tensor& input) const {
  at::Tensor x = layer_norm1_.forward(input);
  const at::Tensor attended = nn::attend(nn::splitHeads(q_proj_.forward(x), config_.heads),
                                         nn::splitHeads(k_proj_.forward(x), config_.heads),
                                         nn::splitHeads(v_proj_.forward(x), config_.heads), config_.causal);
  x = out_proj_.forward(nn::mergeHeads(attended)).add_(input);
  return fc2_.forward(nn::activate(config_.activation, fc1_.forward(layer_norm2_.forward(x)))).add_(x);
}

}  // namespace cameo::models
