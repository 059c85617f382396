#include "nn/transformer_2d.h"

#include <ATen/ATen.h>

namespace cameo::nn {

namespace {

/// Of the images that read text.
WordsOfLayer wordsOf(const SubjectWords& words, const FrameLayout& layout) {
  WordsOfLayer result{words, layout.regions->words};
  if (layout.references_read_text) return result;
  for (at::Tensor& share : result.shares) share = share.narrow(0, 0, layout.frames);
  return result;
}

}  // namespace

SpatialTransformerBlock::SpatialTransformerBlock(const Scope& scope, const Transformer2DConfig& config)
    : norm1_(scope / "norm1", config.inner()),
      attn1_(scope / "attn1", {.dim = config.inner(), .heads = config.heads, .head_dim = config.headDim()}),
      norm2_(scope / "norm2", config.inner()),
      attn2_(scope / "attn2", {.dim = config.inner(),
                               .heads = config.heads,
                               .head_dim = config.headDim(),
                               .context_dim = config.context_dim}),
      ff_(scope, config.inner()) {}

at::Tensor SpatialTransformerBlock::attendSpatially(const at::Tensor& x, const FrameLayout& layout,
                                                    const at::Tensor& added) const {
  if (layout.references == 0) return attn1_.forward(x, added);
  // (B*(F+R), n, C) -> (B, F+R, n, C)
  const auto samples = [&](const at::Tensor& tokens) { return tokens.unflatten(0, {-1, layout.images()}); };
  const auto [q, k, v] = attn1_.projections(x);
  const at::Tensor mixed = pisaMerged(samples(q), samples(k), samples(v), attn1_.heads(), layout);
  return attn1_.project(mixed.flatten(0, 1), added);
}

at::Tensor SpatialTransformerBlock::attendToText(const at::Tensor& x, const CrossSources& sources,
                                                 const FrameLayout& layout, const at::Tensor& added,
                                                 const ImagePrompt* image) const {
  const at::Tensor& text = sources.text;
  std::optional<WordsOfLayer> of_layer;
  if (sources.words != nullptr) of_layer.emplace(wordsOf(*sources.words, layout));
  const WordsOfLayer* words = of_layer ? &*of_layer : nullptr;
  if (text.dim() == 4) return attendToTexts(x, text, layout, added, image, words);
  // All images of a sample read the same text: (B*(F+R), n, C) -> (B, (F+R)*n, C), and back.
  const int64_t tokens = x.size(1), channels = x.size(2);
  const at::Tensor samples = x.reshape({text.size(0), -1, channels});
  if (layout.references_read_text || layout.references == 0) {
    return attn2_.forwardTo(text, samples, added.reshape(samples.sizes()), image, words).view(x.sizes());
  }
  const at::Tensor frames =
      attn2_.forwardTo(text, samples.narrow(1, 0, layout.frames * tokens), {}, image, words);
  return at::constant_pad_nd(frames, {0, 0, 0, layout.references * tokens}).view(x.sizes()).add_(added);
}

at::Tensor SpatialTransformerBlock::attendToTexts(const at::Tensor& x, const at::Tensor& texts,
                                                  const FrameLayout& layout, const at::Tensor& added,
                                                  const ImagePrompt* image, const WordsOfLayer* words) const {
  if (layout.references_read_text || layout.references == 0) {
    return attn2_.forwardTo(texts.flatten(0, 1), x, added, image, words);
  }
  const at::Tensor frames = x.unflatten(0, {-1, layout.images()}).narrow(1, 0, layout.frames);
  const at::Tensor read = attn2_.forwardTo(texts.narrow(1, 0, layout.frames).flatten(0, 1),
                                           frames.flatten(0, 1), {}, image, words);
  return at::constant_pad_nd(read.view(frames.sizes()), {0, 0, 0, 0, 0, layout.references})
      .view(x.sizes())
      .add_(added);
}

at::Tensor SpatialTransformerBlock::forward(const at::Tensor& input, const CrossSources& sources,
                                            const FrameLayout& layout,
                                            const std::optional<TokenMerging>& merging,
                                            const ImagePrompt* image) const {
  const at::Tensor tokens = norm1_.forward(input);
  at::Tensor x = merging ? merging->spread(attendSpatially(merging->merge(tokens), layout, {})).add_(input)
                         : attendSpatially(tokens, layout, input);
  x = attendToText(norm2_.forward(x), sources, layout, x, image);
  return ff_.forward(x);
}

Transformer2D::Transformer2D(const Scope& scope, const Transformer2DConfig& config)
    : norm_(scope / "norm", config.groups, config.channels, 1e-6),
      proj_in_(projection(scope / "proj_in", config.linear_projection, config.channels, config.inner())),
      proj_out_(projection(scope / "proj_out", config.linear_projection, config.inner(), config.channels)),
      merges_tokens_(config.merges_tokens),
      first_cross_attention_(config.first_cross_attention) {
  blocks_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(scope / "transformer_blocks" / i, config);
  }
}

Transformer2D::Projection Transformer2D::projection(const Scope& scope, bool linear, int64_t in,
                                                    int64_t out) {
  if (linear) return Linear(scope, in, out);
  return PointwiseConv(scope, in, out);
}

at::Tensor Transformer2D::apply(const Projection& projection, const at::Tensor& tokens,
                                const at::Tensor& added) {
  return std::visit([&](const auto& layer) { return layer.forward(tokens, added); }, projection);
}

at::Tensor Transformer2D::forward(const at::Tensor& x, const CrossSources& sources, const FrameLayout& layout,
                                  double token_merging) const {
  at::Tensor tokens = apply(proj_in_, toTokens(norm_.forward(x)));  // (B*(F+R), n, C)
  std::optional<TokenMerging> merging;
  if (merges_tokens_ && token_merging > 0) merging.emplace(tokens, x.size(2), x.size(3), token_merging);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const ImagePrompt* image =
        sources.images == nullptr ? nullptr : &sources.images->at(first_cross_attention_ + i);
    tokens = blocks_[i].forward(tokens, sources, layout, merging, image);
  }
  return fromTokens(apply(proj_out_, tokens, toTokens(x)), x.size(2), x.size(3));
}

}  // namespace cameo::nn
