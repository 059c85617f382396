#include "models/causal_vae/causal_vae.h"

#include <ATen/ATen.h>

#include "harness.h"

namespace cameo::test {

namespace {

models::CausalVae causalVae(const Json& config, const Tensors& in) {
  models::CausalVae model(models::CausalVaeConfig::read(Config(config, "VAE")));
  assignWeights(model.parameters(), in);
  return model;
}

Tensors causalVaeEncode(const Json& config, const Tensors& in) {
  const models::CausalVae model = causalVae(config, in);
  const models::Posterior posterior = model.encode(in.at("frames"), config.value("tiling", false));
  return {{"mean", posterior.mean}, {"logvar", posterior.log_variance}};
}

Tensors causalVaeDecode(const Json& config, const Tensors& in) {
  const models::CausalVae model = causalVae(config, in);
  std::vector<at::Tensor> chunks;
  std::vector<int64_t> counts;
  model.decode(in.at("latents"), config.value("tiling", false), [&](const at::Tensor& frames) {
    chunks.push_back(frames);
    counts.push_back(frames.size(0));
  });
  Tensors result{{"frames", at::cat(chunks)}};
  if (config.value("counts", false)) result["counts"] = at::tensor(counts).to(at::kFloat);
  return result;
}

/// A causal convolution of a film in chunks, "counts" frames each, and libtorch's of the film as a whole with its
/// first frame repeated before it.
Tensors causalConvolution(const Json& config, const Tensors& in) {
  const at::Tensor& x = in.at("x");
  ParameterSet parameters;
  const nn::CausalConv3d layer(Scope(parameters), x.size(1), in.at("weights.weight").size(0));
  assignWeights(parameters, in);
  nn::ChunkHistory history;
  std::vector<at::Tensor> chunks;
  int64_t first = 0;
  for (const int64_t count : config.at("counts").get<std::vector<int64_t>>()) {
    chunks.push_back(layer.forwardCopied(x.narrow(0, first, count), history));
    history.endChunk();
    first += count;
  }
  const at::Tensor start = x.narrow(0, 0, 1);
  const at::Tensor film = at::cat({start, start, x}).transpose(0, 1).unsqueeze(0).to(at::kDouble);
  const at::Tensor whole = at::conv3d(film, in.at("weights.weight").to(at::kDouble),
                                      in.at("weights.bias").to(at::kDouble), 1, at::IntArrayRef{0, 1, 1});
  return {{"chunks", at::cat(chunks)}, {"whole", whole[0].transpose(0, 1).to(at::kFloat)}};
}

}  // namespace

const bool kCausalVaeRegistered = addProbe("models.causal_vae_encode", causalVaeEncode) &&
                                  addProbe("models.causal_vae_decode", causalVaeDecode) &&
                                  addProbe("nn.causal_convolution", causalConvolution);

}  // namespace cameo::test
