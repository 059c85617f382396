#include "models/clip_vision.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/initial.h"

namespace cameo::models {

namespace {

Scope visionModel(ParameterSet& parameters) {
  return Scope(parameters) / "vision_model";
}

/// Begun as transformers'.
Parameter& classEmbedding(const Scope& scope, int64_t size) {
  Parameter& embedding = scope.parameter("class_embedding", {size});
  embedding.initial = normalInitial(1 / std::sqrt(static_cast<double>(size)));
  return embedding;
}

}  // namespace

ClipVisionConfig ClipVisionConfig::read(const Config& config) {
  ClipVisionConfig clip;
  clip.hidden_size = config.integer("hidden_size", 768);
  clip.intermediate_size = config.integer("intermediate_size", 3072);
  clip.layers = config.integer("num_hidden_layers", 12, 1, Config::kMostLayers);
  clip.heads = config.integer("num_attention_heads", 12);
  clip.image_size = config.integer("image_size", 224, 1, 4096);
  clip.patch_size = config.integer("patch_size", 32, 1, clip.image_size);
  clip.projection_dim = config.integer("projection_dim", 512);
  clip.eps = config.number("layer_norm_eps", 1e-5);
  clip.activation = nn::parseActivation(config.text("hidden_act", "quick_gelu"));
  config.requireUnset("num_channels", 3);
  if (clip.hidden_size % clip.heads != 0) config.fail("num_attention_heads", "it must divide hidden_size");
  return clip;
}

ClipVision::ClipVision(const ClipVisionConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      class_embedding_(classEmbedding(visionModel(*parameters_) / "embeddings", config.hidden_size)),
      patch_embedding_(
          (visionModel(*parameters_) / "embeddings" / "patch_embedding")
              .parameter("weight", {config.hidden_size, 3, config.patch_size, config.patch_size})),
      position_embedding_((visionModel(*parameters_) / "embeddings" / "position_embedding")
                              .parameter("weight", {config.tokens(), config.hidden_size})),
      pre_layernorm_(visionModel(*parameters_) / "pre_layrnorm", config.hidden_size, config.eps),
      post_layernorm_(visionModel(*parameters_) / "post_layernorm", config.hidden_size, config.eps),
      visual_projection_(Scope(*parameters_) / "visual_projection", config.hidden_size, config.projection_dim,
                         /*bias=*/false) {
  const Scope layers = visionModel(*parameters_) / "encoder" / "layers";
  layers_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) layers_.emplace_back(layers / i, config.layer());
}

at::Tensor ClipVision::states(const at::Tensor& pixels, int64_t skipped) const {
  const at::Tensor patches =
      at::conv2d(pixels.to(patch_embedding_->scalar_type()), *patch_embedding_, {}, config_.patch_size);
  at::Tensor x = at::cat({class_embedding_->expand({pixels.size(0), 1, -1}), nn::toTokens(patches)}, 1);
  x = pre_layernorm_.forward(x + *position_embedding_);
  for (size_t i = 0; i + static_cast<size_t>(skipped) < layers_.size(); ++i) x = layers_[i].forward(x);
  return x;
}

at::Tensor ClipVision::embed(const at::Tensor& pixels) const {
  return visual_projection_.forward(post_layernorm_.forward(states(pixels).select(1, 0)));
}

}  // namespace cameo::models
