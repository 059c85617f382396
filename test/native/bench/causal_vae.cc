#include "models/causal_vae/causal_vae.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>

#include "bench/forms.h"
#include "core/memory_pool.h"
#include "models/initialize.h"

namespace cameo::test {

namespace {

/// Decodes "latents" frames of latents of "height" and "width" with weights that are drawn, by "tiles" or
/// whole, and hands the frames out as a pipeline does. Gives the seconds of it.
Tensors timeCausalVaeDecode(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const MemoryPool::Scope pooled;
  models::CausalVae model(models::CausalVaeConfig::read(Config(config.at("vae"), "VAE")));
  models::initialize(model.parameters(), 1, {.dtype = at::kFloat, .device = at::kCPU, .channels_last = true});
  Draw draw(config);
  const at::Tensor latents =
      draw({config.at("latents"), model.config().latent_channels, config.at("height"), config.at("width")});
  const auto start = std::chrono::steady_clock::now();
  int64_t frames = 0;
  model.decode(latents, config.at("tiles"), [&](const at::Tensor& pictures) { frames += pictures.size(0); });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {{"seconds", at::full({1}, seconds.count())},
          {"frames", at::full({1}, static_cast<double>(frames))}};
}

}  // namespace

const bool kCausalVaeMeasured = addProbe("bench.causal_vae_decode", timeCausalVaeDecode);

}  // namespace cameo::test
