#include "models/clip_text.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace cameo::models {

namespace {

Scope embeddings(ParameterSet& parameters) {
  return Scope(parameters) / "text_model" / "embeddings";
}

}  // namespace

ClipTextConfig ClipTextConfig::read(const Config& config) {
  ClipTextConfig clip;
  clip.vocab_size = config.integer("vocab_size", 49408);
  clip.hidden_size = config.integer("hidden_size", 512);
  clip.intermediate_size = config.integer("intermediate_size", 2048);
  clip.layers = config.integer("num_hidden_layers", 12, 1, Config::kMostLayers);
  clip.heads = config.integer("num_attention_heads", 8);
  clip.positions = config.integer("max_position_embeddings", 77, 3);
  clip.eps = config.number("layer_norm_eps", 1e-5);
  clip.activation = nn::parseActivation(config.text("hidden_act", "quick_gelu"));
  if (clip.hidden_size % clip.heads != 0) config.fail("num_attention_heads", "it must divide hidden_size");
  return clip;
}

ClipText::ClipText(const ClipTextConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      token_embedding_((embeddings(*parameters_) / "token_embedding")
                           .parameter("weight", {config.vocab_size, config.hidden_size})),
      position_embedding_((embeddings(*parameters_) / "position_embedding")
                              .parameter("weight", {config.positions, config.hidden_size})),
      final_layer_norm_(Scope(*parameters_) / "text_model" / "final_layer_norm", config.hidden_size,
                        config.eps) {
  const Scope layers = Scope(*parameters_) / "text_model" / "encoder" / "layers";
  layers_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) layers_.emplace_back(layers / i, config.layer());
}

void ClipText::addTokens(const at::Tensor& vectors) {
  at::Tensor& table = token_embedding_.value;
  table = at::cat({table, vectors.to(table.options())});
  token_embedding_.shape.front() = table.size(0);
}

at::Tensor ClipText::forward(const at::Tensor& ids, int64_t skipped) const {
  at::Tensor x = at::embedding(*token_embedding_, ids) + position_embedding_->narrow(0, 0, ids.size(1));
  for (size_t i = 0; i + static_cast<size_t>(skipped) < layers_.size(); ++i) x = layers_[i].forward(x);
  return final_layer_norm_.forward(x);
}

}  // namespace cameo::models
