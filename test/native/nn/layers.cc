#include <ATen/ATen.h>

#include "harness.h"
#include "nn/embeddings.h"
#include "nn/feed_forward.h"
#include "nn/layout.h"
#include "nn/motion.h"
#include "nn/pisa.h"
#include "nn/resnet.h"
#include "nn/token_merging.h"
#include "nn/transformer_2d.h"

namespace cameo::test {

namespace {

Tensors timestepEmbedding(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::TimestepEmbedding layer(Scope(parameters),
                                    {.channels = config.at("channels"),
                                     .hidden = config.at("hidden"),
                                     .flip_sin_to_cos = config.at("flip_sin_to_cos"),
                                     .freq_shift = config.at("freq_shift"),
                                     .activation = nn::parseActivation(config.at("act_fn"))});
  assignWeights(parameters, in);
  return {{"out", layer.forward(in.at("t"), in.at("weights.linear_1.weight").scalar_type())}};
}

Tensors resnetBlock(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::ResnetBlock layer(Scope(parameters), {.in = config.at("in_channels"),
                                                  .out = config.at("out_channels"),
                                                  .time_channels = config.at("temb_channels"),
                                                  .groups = config.at("groups"),
                                                  .eps = config.at("eps"),
                                                  .activation = nn::parseActivation(config.at("act_fn")),
                                                  .output_scale = config.at("output_scale")});
  assignWeights(parameters, in);
  const bool timed = config.at("temb_channels").get<int64_t>() > 0;
  return {{"out", layer.forward(in.at("x"), timed ? in.at("temb") : at::Tensor())}};
}

Tensors downsample(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::Downsample layer(Scope(parameters), config.at("channels"), config.at("padding"));
  assignWeights(parameters, in);
  return {{"out", layer.forward(in.at("x"))}};
}

Tensors upsample(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::Upsample layer(Scope(parameters), config.at("channels"));
  assignWeights(parameters, in);
  const at::Tensor& x = in.at("x");
  const int64_t height = config.value("height", 2 * x.size(2)), width = config.value("width", 2 * x.size(3));
  return {{"out", layer.forward(x, height, width)}};
}

Tensors feedForward(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::FeedForward layer(Scope(parameters), config.at("dim"), config.at("activation"));
  assignWeights(parameters, in);
  return {{"out", layer.forward(in.at("x"))}};
}

Tensors attention(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const int64_t context_dim = config.at("cross_dim");
  const nn::Attention layer(Scope(parameters), {.dim = config.at("dim"),
                                                .heads = config.at("heads"),
                                                .head_dim = config.at("head_dim"),
                                                .context_dim = context_dim,
                                                .qkv_bias = config.value("qkv_bias", false)});
  assignWeights(parameters, in);
  const at::Tensor& x = in.at("x");
  return {{"out", context_dim > 0 ? layer.forwardTo(in.at("context"), x) : layer.forward(x)}};
}

Tensors pisa(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::Attention layer(
      Scope(parameters),
      {.dim = config.at("dim"), .heads = config.at("heads"), .head_dim = config.at("head_dim")});
  assignWeights(parameters, in);
  if (config.value("joined", false)) parameters.join();
  const nn::FrameLayout layout = frameLayout(config, in);
  const auto [q, k, v] = layer.projections(in.at("x"));  // (B, F+R, n, C)
  const auto form = config.value("form", "merged") == "concatenated" ? nn::pisaConcatenated : nn::pisaMerged;
  Tensors result{{"out", layer.project(form(q, k, v, layer.heads(), layout))}};
  if (config.contains("joined")) result["one_product"] = at::scalar_tensor(q.is_alias_of(v), at::kFloat);
  return result;
}

Tensors transformer2D(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const int64_t heads = config.at("heads"), head_dim = config.at("head_dim");
  const nn::Transformer2D layer(Scope(parameters), {.channels = heads * head_dim,
                                                    .heads = heads,
                                                    .layers = config.at("layers"),
                                                    .context_dim = config.at("cross_dim"),
                                                    .groups = config.at("groups"),
                                                    .linear_projection = config.at("linear_projection")});
  assignWeights(parameters, in);
  return {{"out", layer.forward(in.at("x"), {.text = in.at("text")}, {.frames = config.at("frames")})}};
}

Tensors motionModule(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const nn::MotionModule layer(Scope(parameters), {.channels = config.at("in_channels"),
                                                   .heads = config.at("heads"),
                                                   .layers = config.at("layers"),
                                                   .groups = config.at("groups"),
                                                   .max_images = config.at("max_length")});
  assignWeights(parameters, in);
  return {{"out", layer.forward(in.at("x"), config.at("frames"))}};
}

Tensors tokenMerging(const Json& config, const Tensors& in) {
  const at::Tensor& x = in.at("x");
  const nn::TokenMerging merging(x, config.at("height"), config.at("width"), config.at("ratio"));
  return {{"out", merging.spread(merging.merge(x))}};
}

}  // namespace

const bool kLayersRegistered =
    addProbe("nn.timestep_embedding", timestepEmbedding) && addProbe("nn.resnet_block", resnetBlock) &&
    addProbe("nn.downsample", downsample) && addProbe("nn.upsample", upsample) &&
    addProbe("nn.feed_forward", feedForward) && addProbe("nn.attention", attention) &&
    addProbe("nn.pisa", pisa) && addProbe("nn.transformer_2d", transformer2D) &&
    addProbe("nn.motion_module", motionModule) && addProbe("nn.token_merging", tokenMerging);

}  // namespace cameo::test
