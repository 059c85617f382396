#include "models/dit/cogvideox.h"

#include <ATen/ATen.h>

#include "core/cancellation.h"
#include "harness.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

Tensors cogVideoX(const Json& config, const Tensors& in) {
  models::CogVideoX model(models::CogVideoXConfig::read(Config(config, "transformer")));
  assignWeights(model.parameters(), in);
  const nn::PlainKernels plain(config.value("plain", false));
  Cancellation cancellation;
  if (config.value("cancelled", false)) cancellation.request();
  const CancellationScope scope(cancellation);
  std::optional<double> offset;
  if (config.contains("offset")) offset = config.at("offset").get<double>();
  return {{"latents", model.forward({.latents = in.at("latents"),
                                     .timesteps = in.at("timestep"),
                                     .text = in.at("text"),
                                     .offset = offset})}};
}

}  // namespace

const bool kCogVideoXRegistered = addProbe("models.cogvideox", cogVideoX);

}  // namespace cameo::test
