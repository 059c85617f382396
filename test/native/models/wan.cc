#include <ATen/ATen.h>

#include "harness.h"
#include "models/dit/wan_transformer.h"

namespace cameo::test {

namespace {

Tensors wan(const Json& config, const Tensors& in) {
  models::WanTransformer model(models::WanConfig::read(Config(config, "transformer")));
  assignWeights(model.parameters(), in);
  const models::WanReads texts = model.read(model.embedTexts(in.at("text")));
  const at::Tensor latents = in.at("latents");
  const at::Tensor times = at::tensor(config.at("times").get<std::vector<double>>(), at::kDouble);
  return {
      {"sample",
       model.forward({.latents = latents.clone(), .timesteps = times.to(latents.device()), .texts = texts})}};
}

}  // namespace

const bool kWanRegistered = addProbe("models.wan", wan);

}  // namespace cameo::test
