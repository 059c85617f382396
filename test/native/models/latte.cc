#include <ATen/ATen.h>

#include "harness.h"
#include "models/dit/latte_transformer.h"

namespace cameo::test {

namespace {

Tensors latte(const Json& config, const Tensors& in) {
  models::LatteTransformer model(models::LatteConfig::read(Config(config, "transformer")));
  assignWeights(model.parameters(), in);
  return {{"sample", model.forward(in.at("latents"), config.at("time"), in.at("text"))}};
}

}  // namespace

const bool kLatteRegistered = addProbe("models.latte", latte);

}  // namespace cameo::test
