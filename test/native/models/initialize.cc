#include "models/initialize.h"

#include <ATen/ATen.h>

#include "harness.h"
#include "models/clip_text.h"
#include "models/unet.h"

namespace cameo::test {

namespace {

Tensors drawn(ParameterSet& parameters, const Json& config) {
  models::initialize(parameters, config.at("seed"), {});
  Tensors out;
  for (const Parameter& parameter : parameters.all()) out[parameter.name] = parameter.value;
  return out;
}

/// Every parameter of a UNet or of a text encoder, as training starts from it.
Tensors initialize(const Json& config, const Tensors&) {
  if (config.contains("text_encoder")) {
    models::ClipText model(models::ClipTextConfig::read(Config(config["text_encoder"], "text encoder")));
    return drawn(model.parameters(), config);
  }
  std::optional<Config> motion;
  if (config.contains("motion")) motion.emplace(config["motion"], "motion adapter");
  models::UNet model(
      models::UNetConfig::read(Config(config.at("unet"), "UNet"), motion ? &*motion : nullptr));
  return drawn(model.parameters(), config);
}

}  // namespace

const bool kInitializeRegistered = addProbe("models.initialize", initialize);

}  // namespace cameo::test
