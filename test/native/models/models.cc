#include <ATen/ATen.h>

#include "harness.h"
#include "models/clip_text.h"
#include "models/control/controlnet.h"
#include "models/space_time_unet/i2vgen_unet.h"
#include "models/unet.h"
#include "models/vae.h"
#include "models/video_unet/video_unet.h"
#include "nn/layout.h"

namespace cameo::test {

namespace {

Tensors clipText(const Json& config, const Tensors& in) {
  models::ClipText model(models::ClipTextConfig::read(Config(config, "text encoder")));
  assignWeights(model.parameters(), in);
  return {{"last_hidden_state", model.forward(in.at("ids").to(at::kLong), config.value("skipped", 0))}};
}

Tensors vaeEncode(const Json& config, const Tensors& in) {
  models::Vae model(models::VaeConfig::read(Config(config, "VAE")));
  assignWeights(model.parameters(), in);
  const at::Tensor& image = in.at("image");
  const models::Posterior posterior = config.value("tiling", false)
                                          ? model.encodeTiled(image, config.at("tile_sample_min_size"))
                                          : model.encode(image);
  return {{"mean", posterior.mean}, {"logvar", posterior.log_variance}};
}

Tensors vaeDecode(const Json& config, const Tensors& in) {
  models::Vae model(models::VaeConfig::read(Config(config, "VAE")));
  assignWeights(model.parameters(), in);
  const at::Tensor& latents = in.at("latents");
  return {{"image", config.value("tiling", false)
                        ? model.decodeTiled(latents, config.at("tile_sample_min_size"))
                        : model.decode(latents)}};
}

Tensors unet(const Json& config, const Tensors& in) {
  const Config base(config.at("unet"), "UNet");
  std::optional<Config> motion;
  if (!config.at("motion").is_null()) motion.emplace(config.at("motion"), "motion adapter");
  auto network = models::UNetConfig::read(base, motion ? &*motion : nullptr);
  network.reference_cross_attention = config.at("reference_cross_attention");
  models::UNet model(network);
  assignWeights(model.parameters(), in);
  const int64_t references = config.at("references");
  const auto regions = regionsOf(config, in);
  models::FeatureCache cache;
  const auto run = [&](const at::Tensor& frames, models::FeatureCache* cache) {
    return model.forward(
        {.images = references > 0 ? at::cat({frames, in.at("references")}, 1) : frames,
         .references = references,
         .timesteps = in.at("timestep"),
         .text = in.at("text"),
         .cache = cache,
         .token_merging = config.value("token_merging", 0.0),
         .regions = regions,
         .reference_strengths = config.value("strengths", std::vector<std::vector<double>>()),
         .words = {wordsOf(in), config.value("first_row", int64_t{0})}});
  };
  const at::Tensor& frames = in.at("sample");
  // With a cache, its features are those of the sample before.
  cache.layers = config.value("cache_layers", size_t{0});
  if (cache.layers > 0) run(in.at("sample_before"), &cache);
  const at::Tensor out = run(frames, cache.layers > 0 ? &cache : nullptr);
  Tensors result{{"frames", out.narrow(1, 0, frames.size(1))}};
  if (references > 0) result["references"] = out.narrow(1, frames.size(1), references);
  return result;
}

Tensors videoUNet(const Json& config, const Tensors& in) {
  models::VideoUNet model(models::VideoUNetConfig::read(Config(config, "UNet")));
  assignWeights(model.parameters(), in);
  return {{"frames", model.forward({.images = in.at("sample"),
                                    .timesteps = in.at("timestep"),
                                    .time_ids = in.at("time_ids"),
                                    .picture = in.at("picture")})}};
}

Tensors i2vgenUNet(const Json& config, const Tensors& in) {
  models::I2VGenUNet model(models::I2VGenConfig::read(Config(config, "UNet")));
  assignWeights(model.parameters(), in);
  const models::I2VGenConditions conditions =
      model.conditions(in.at("text"), in.at("embeds"), in.at("latents"), config.at("fps"));
  const at::Tensor& images = in.at("sample");
  return {{"frames", model.forward(images, in.at("timestep").expand({images.size(0)}), conditions)}};
}

Tensors controlNet(const Json& config, const Tensors& in) {
  models::ControlNet model(models::ControlConfig::read(Config(config.at("network"), "ControlNet")));
  assignWeights(model.parameters(), in);
  const auto mask = in.find("mask");
  const at::Tensor embedded = model.embed(in.at("condition"), mask == in.end() ? at::Tensor() : mask->second);
  const models::ControlResiduals residuals = model.forward({.images = in.at("sample"),
                                                            .embedded = embedded,
                                                            .timesteps = in.at("timestep"),
                                                            .text = in.at("text"),
                                                            .scale = config.at("scale"),
                                                            .by_depth = config.at("by_depth"),
                                                            .skips = config.value("skips", size_t{0})});
  Tensors result;
  for (size_t i = 0; i < residuals.skips.size(); ++i) result[std::to_string(i)] = residuals.skips[i];
  if (residuals.mid.defined()) result["mid"] = residuals.mid;
  return result;
}

}  // namespace

const bool kModelsRegistered =
    addProbe("models.clip_text", clipText) && addProbe("models.vae_encode", vaeEncode) &&
    addProbe("models.vae_decode", vaeDecode) && addProbe("models.unet", unet) &&
    addProbe("models.controlnet", controlNet) && addProbe("models.video_unet", videoUNet) &&
    addProbe("models.i2vgen_unet", i2vgenUNet);

}  // namespace cameo::test
