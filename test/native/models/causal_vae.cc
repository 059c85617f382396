#include "models/causal_vae/causal_vae.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "harness.h"
#include "models/wan_vae/wan_vae.h"
#include "weights/film_vae.h"
#include "weights/load.h"

namespace cameo::test {

namespace {

template <typename Vae, typename VaeConfig>
Vae filmVae(const Json& config, const Tensors& in) {
  Vae model(VaeConfig::read(Config(config, "VAE")));
  assignWeights(model.parameters(), in);
  return model;
}

template <typename Vae, typename VaeConfig>
Tensors encodeFilm(const Json& config, const Tensors& in) {
  const auto model = filmVae<Vae, VaeConfig>(config, in);
  const models::Posterior posterior = model.encode(in.at("frames"), config.value("tiling", false));
  return {{"mean", posterior.mean}, {"logvar", posterior.log_variance}};
}

template <typename Vae, typename VaeConfig>
Tensors decodeFilm(const Json& config, const Tensors& in) {
  const auto model = filmVae<Vae, VaeConfig>(config, in);
  std::vector<at::Tensor> chunks;
  model.decode(in.at("latents"), config.value("tiling", false),
               [&](const at::Tensor& frames) { chunks.push_back(frames); });
  return {{"frames", at::cat(chunks)}};
}

/// Wan's VAE in a file or a folder: "frames" of scaled "latents", and their latents again.
Tensors wanVaeOfFile(const Json& config, const Tensors& in) {
  const weights::Component component =
      weights::openFilmVae(config.at("path"), weights::Weights::Required, weights::kWanVaeClass);
  models::WanVae model(models::WanVaeConfig::read(Config(component.config, component.path)));
  weights::load(model.parameters(), component.layers,
                {.network = "vae", .dtype = at::kFloat, .device = at::kCPU, .channels_last = true});
  std::vector<at::Tensor> chunks;
  model.decode(model.unscaled(in.at("latents")), /*tiled=*/false,
               [&](const at::Tensor& frames) { chunks.push_back(frames); });
  const at::Tensor frames = at::cat(chunks);
  return {{"frames", frames}, {"again", model.scaled(model.encode(frames).mean)}};
}

/// Gradients of the sum of y, weighted, to film, kernel and bias.
void addGradients(Tensors& out, const std::string& form, const at::Tensor& y, const at::Tensor& weights,
                  const std::vector<at::Tensor>& of) {
  const auto gradients = torch::autograd::grad({(y * weights).sum()}, of);
  out[form + "_of_x"] = gradients[0].to(at::kFloat);
  out[form + "_of_weight"] = gradients[1].to(at::kFloat);
  out[form + "_of_bias"] = gradients[2].to(at::kFloat);
}

/// A causal convolution of a film in chunks, "counts" frames each, and libtorch's of the film as a whole with
/// its first frame repeated before it: results, and the gradients of their sum, weighted by "grad".
Tensors causalConvolution(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const c10::AutoGradMode recording(true);
  const auto leaf = [&](const char* name, at::ScalarType dtype) {
    return in.at(name).clone().to(dtype).set_requires_grad(true);
  };
  const at::Tensor x = leaf("x", at::kFloat);
  ParameterSet parameters;
  const nn::CausalConv3d layer(Scope(parameters), x.size(1), in.at("weights.weight").size(0));
  assignWeights(parameters, in);
  std::vector<at::Tensor> leaves{x};
  for (Parameter& parameter : parameters.all()) {
    parameter.value = parameter.value.clone().set_requires_grad(true);
    leaves.push_back(parameter.value);
  }
  nn::ChunkHistory history;
  std::vector<at::Tensor> chunks;
  int64_t first = 0;
  for (const int64_t count : config.at("counts").get<std::vector<int64_t>>()) {
    chunks.push_back(layer.forwardCopied(x.narrow(0, first, count), history));
    history.endChunk();
    first += count;
  }
  const std::vector<at::Tensor> exact{leaf("x", at::kDouble), leaf("weights.weight", at::kDouble),
                                      leaf("weights.bias", at::kDouble)};
  const at::Tensor start = exact[0].narrow(0, 0, 1);
  const at::Tensor film = at::cat({start, start, exact[0]}).transpose(0, 1).unsqueeze(0);
  const at::Tensor whole =
      at::conv3d(film, exact[1], exact[2], 1, at::IntArrayRef{0, 1, 1})[0].transpose(0, 1);
  Tensors out{{"chunks", at::cat(chunks).detach()}, {"whole", whole.detach().to(at::kFloat)}};
  addGradients(out, "chunks", at::cat(chunks), in.at("grad").clone(), leaves);
  addGradients(out, "whole", whole, in.at("grad").to(at::kDouble), exact);
  return out;
}

}  // namespace

const auto encodeCausal = encodeFilm<models::CausalVae, models::CausalVaeConfig>;
const auto decodeCausal = decodeFilm<models::CausalVae, models::CausalVaeConfig>;
const auto encodeWan = encodeFilm<models::WanVae, models::WanVaeConfig>;
const auto decodeWan = decodeFilm<models::WanVae, models::WanVaeConfig>;
const bool kCausalVaeRegistered =
    addProbe("models.causal_vae_encode", encodeCausal) &&
    addProbe("models.causal_vae_decode", decodeCausal) && addProbe("models.wan_vae_encode", encodeWan) &&
    addProbe("models.wan_vae_decode", decodeWan) && addProbe("models.wan_vae_of_file", wanVaeOfFile) &&
    addProbe("nn.causal_convolution", causalConvolution);

}  // namespace cameo::test
