#include "models/image_projection.h"

#include <ATen/ATen.h>

#include "nn/attention.h"

namespace cameo::models {

using Kind = ImageProjectionConfig::Kind;

LinearImageProjection::LinearImageProjection(const Scope& scope, const ImageProjectionConfig& config)
    : tokens_(config.tokens),
      image_embeds_(scope / "image_embeds", config.image_dim, config.tokens * config.context_dim),
      norm_(scope / "norm", config.context_dim) {}

at::Tensor LinearImageProjection::forward(const at::Tensor& embeds) const {
  return norm_.forward(image_embeds_.forward(embeds).unflatten(-1, {tokens_, -1}));
}

ResamplerLayer::ResamplerLayer(const Scope& scope, const ImageProjectionConfig& config)
    : heads_(config.heads),
      ln0_(scope / "ln0", config.hidden),
      ln1_(scope / "ln1", config.hidden),
      to_q_(scope / "attn" / "to_q", config.hidden, config.heads * config.head_dim, false),
      to_k_(scope / "attn" / "to_k", config.hidden, config.heads * config.head_dim, false),
      to_v_(scope / "attn" / "to_v", config.hidden, config.heads * config.head_dim, false),
      to_out_(scope / "attn" / "to_out" / 0, config.heads * config.head_dim, config.hidden, false),
      norm_(scope / "ff" / 0, config.hidden),
      proj_(scope / "ff" / 1 / "net" / 0 / "proj", config.hidden, config.feed_forward, false),
      out_(scope / "ff" / 1 / "net" / 2, config.feed_forward, config.hidden, false) {}

at::Tensor ResamplerLayer::forward(const at::Tensor& states, const at::Tensor& tokens) const {
  const at::Tensor queries = ln1_.forward(tokens);
  const at::Tensor context = at::cat({ln0_.forward(states), queries}, 1);
  const auto heads = [&](const at::Tensor& x) { return nn::splitHeads(x, heads_); };
  const at::Tensor attended =
      nn::attend(heads(to_q_.forward(queries)), heads(to_k_.forward(context)), heads(to_v_.forward(context)));
  const at::Tensor x = to_out_.forward(nn::mergeHeads(attended), tokens);
  return out_.forward(at::gelu(proj_.forward(norm_.forward(x))), x);
}

Resampler::Resampler(const Scope& scope, const ImageProjectionConfig& config)
    : latents_(scope.parameter("latents", {1, config.tokens, config.hidden})),
      proj_in_(scope / "proj_in", config.image_dim, config.hidden),
      proj_out_(scope / "proj_out", config.hidden, config.context_dim),
      norm_out_(scope / "norm_out", config.context_dim) {
  for (int64_t i = 0; i < config.layers; ++i) layers_.emplace_back(scope / "layers" / i, config);
}

at::Tensor Resampler::forward(const at::Tensor& states) const {
  const at::Tensor x = proj_in_.forward(states);
  at::Tensor tokens = latents_->expand({states.size(0), -1, -1});
  for (const ResamplerLayer& layer : layers_) tokens = layer.forward(x, tokens);
  return norm_out_.forward(proj_out_.forward(tokens));
}

PerceptronImageProjection::PerceptronImageProjection(const Scope& scope, const ImageProjectionConfig& config)
    : proj_(scope / "ff" / "net" / 0 / "proj", config.image_dim, config.hidden),
      out_(scope / "ff" / "net" / 2, config.hidden, config.context_dim),
      norm_(scope / "norm", config.context_dim) {}

at::Tensor PerceptronImageProjection::forward(const at::Tensor& states) const {
  return norm_.forward(out_.forward(at::gelu(proj_.forward(states))));
}

ImageProjection makeImageProjection(const Scope& scope, const ImageProjectionConfig& config) {
  switch (config.kind) {
    case Kind::Plain:
      return LinearImageProjection(scope, config);
    case Kind::Plus:
      return Resampler(scope, config);
    case Kind::Full:
      break;
  }
  return PerceptronImageProjection(scope, config);
}

}  // namespace cameo::models
