#include "models/initialize.h"

#include <ATen/ATen.h>

#include "harness.h"
#include "models/clip_text.h"
#include "models/clip_vision.h"
#include "models/dit/cogvideox.h"
#include "models/dit/wan_transformer.h"
#include "models/t5.h"
#include "models/unet.h"
#include "models/vae.h"
#include "models/video_unet/video_unet.h"
#include "models/wan_vae/wan_vae.h"

namespace cameo::test {

namespace {

Tensors drawn(ParameterSet& parameters, const Json& config) {
  models::initialize(parameters, config.at("seed"), {});
  Tensors out;
  for (const Parameter& parameter : parameters.all()) out[parameter.name] = parameter.value;
  return out;
}

template <typename Network, typename NetworkConfig>
Tensors drawnNetwork(const Json& config) {
  Network network(NetworkConfig::read(Config(config.at("network"), "network")));
  return drawn(network.parameters(), config);
}

const std::map<std::string, Tensors (*)(const Json& config)> kDrawnNetworks = {
    {"clip", drawnNetwork<models::ClipText, models::ClipTextConfig>},
    {"clip-vision", drawnNetwork<models::ClipVision, models::ClipVisionConfig>},
    {"t5", drawnNetwork<models::T5Encoder, models::T5Config>},
    {"wan", drawnNetwork<models::WanTransformer, models::WanConfig>},
    {"wan-vae", drawnNetwork<models::WanVae, models::WanVaeConfig>},
    {"cogvideox", drawnNetwork<models::CogVideoX, models::CogVideoXConfig>},
    {"svd", drawnNetwork<models::VideoUNet, models::VideoUNetConfig>},
    {"svd-vae", drawnNetwork<models::Vae, models::VaeConfig>},
};

/// Every parameter of a UNet, or of another network by its name, as training starts from it.
Tensors initialize(const Json& config, const Tensors&) {
  if (config.contains("of")) return kDrawnNetworks.at(config["of"])(config);
  std::optional<Config> motion;
  if (config.contains("motion")) motion.emplace(config["motion"], "motion adapter");
  models::UNet model(
      models::UNetConfig::read(Config(config.at("unet"), "UNet"), motion ? &*motion : nullptr));
  return drawn(model.parameters(), config);
}

}  // namespace

const bool kInitializeRegistered = addProbe("models.initialize", initialize);

}  // namespace cameo::test
