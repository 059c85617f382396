#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <functional>

#include "core/memory_pool.h"
#include "harness.h"
#include "models/causal_vae/causal_vae.h"
#include "models/initialize.h"
#include "models/vae.h"
#include "models/wan_vae/wan_vae.h"

namespace cameo::test {

namespace {

/// Decodes a film's latents (F, C, h, w) as a pipeline does, which takes each part of it as it is done.
using Decode = std::function<void(const at::Tensor& latents)>;

template <typename Model, typename ModelConfig>
std::shared_ptr<Model> drawnVae(const ModelConfig& config) {
  auto model = std::make_shared<Model>(config);
  models::initialize(model->parameters(), 1,
                     {.dtype = at::kFloat, .device = at::kCPU, .channels_last = true});
  return model;
}

template <typename Model, typename ModelConfig>
Decode filmDecode(const Config& config) {
  const auto model = drawnVae<Model>(ModelConfig::read(config));
  return [model](const at::Tensor& latents) { model->decode(latents, false, [](const at::Tensor&) {}); };
}

/// A temporal decoder takes the film at once, another one a frame at a time.
Decode imageDecode(const Config& config) {
  const auto model = drawnVae<models::Vae>(models::VaeConfig::read(config));
  return [model](const at::Tensor& latents) {
    const int64_t together = model->config().temporal_decoder ? latents.size(0) : 1;
    for (const at::Tensor& part : latents.split(together)) model->decode(part);
  };
}

const std::map<std::string, Decode (*)(const Config&)> kVaes = {
    {"AutoencoderKL", imageDecode},
    {"AutoencoderKLTemporalDecoder", imageDecode},
    {"AutoencoderKLCogVideoX", filmDecode<models::CausalVae, models::CausalVaeConfig>},
    {"AutoencoderKLWan", filmDecode<models::WanVae, models::WanVaeConfig>},
};

/// One of bench/vaes' VAEs: the seconds of decoding a film once.
Tensors timeVaeDecode(const Json& work, const Tensors&) {
  const c10::InferenceMode inference;
  const MemoryPool::Scope pooled;
  Json config = work.at("config");
  config["_class_name"] = work.at("class");
  const Decode decode = kVaes.at(work.at("class"))(Config(config, "config"));
  const at::Tensor latents = at::randn(work.at("latents").get<std::vector<int64_t>>());
  const auto start = std::chrono::steady_clock::now();
  decode(latents);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {{"seconds", at::full({1}, seconds.count())}};
}

}  // namespace

const bool kVaesTimed = addProbe("bench.vae_decode", timeVaeDecode);

}  // namespace cameo::test
