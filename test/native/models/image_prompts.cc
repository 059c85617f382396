#include <ATen/ATen.h>

#include "harness.h"
#include "models/clip_vision.h"
#include "models/ip_adapter.h"
#include "models/unet.h"
#include "pipeline/clip_pixels.h"
#include "pipeline/resample.h"

namespace cameo::test {

namespace {

/// Of numbers (H, W, 3) from 0 to 255.
pipeline::RgbImage pictureOf(const at::Tensor& numbers) {
  const at::Tensor bytes = numbers.to(at::kByte).contiguous();
  const auto* data = bytes.data_ptr<uint8_t>();
  return {{data, data + bytes.numel()}, bytes.size(1), bytes.size(0)};
}

Tensors resizedPicture(const Json& config, const Tensors& in) {
  const auto filter =
      config.value("filter", "") == "lanczos" ? pipeline::Filter::Lanczos : pipeline::Filter::Bicubic;
  const auto small = pipeline::resize(
      pictureOf(in.at("picture")), filter, config.at("width"), config.at("height"),
      {config.at("left"), config.at("top"), config.at("box_width"), config.at("box_height")});
  return {{"picture", at::tensor(small.data).view({small.height, small.width, 3})}};
}

Tensors pixelsForClip(const Json& config, const Tensors& in) {
  const auto prepare = config.value("squashed", false) ? pipeline::squashedClipPixels : pipeline::clipPixels;
  return {{"pixels", prepare(pictureOf(in.at("picture")), config.at("size"))}};
}

Tensors clipVision(const Json& config, const Tensors& in) {
  models::ClipVision model(models::ClipVisionConfig::read(Config(config, "image encoder")));
  assignWeights(model.parameters(), in);
  const at::Tensor& pixels = in.at("pixels");
  return {{"embeds", model.embed(pixels)},
          {"states", model.states(pixels)},
          {"penultimate", model.states(pixels, 1)}};
}

models::ImageProjectionConfig projectionOf(const Json& config) {
  using Kind = models::ImageProjectionConfig::Kind;
  const std::map<std::string, Kind> kinds{{"plain", Kind::Plain}, {"plus", Kind::Plus}, {"full", Kind::Full}};
  return {.kind = kinds.at(config.at("kind")),
          .image_dim = config.at("image_dim"),
          .context_dim = config.at("context_dim"),
          .tokens = config.value("tokens", 4),
          .hidden = config.value("hidden", 1),
          .layers = config.value("layers", 4),
          .heads = config.value("heads", 1),
          .feed_forward = config.value("feed_forward", 1)};
}

/// Those whose names start so, without that start.
Tensors weightsOf(const std::string& network, const Tensors& in) {
  const std::string start = "weights." + network + ".";
  Tensors own;
  for (const auto& [name, tensor] : in) {
    if (name.starts_with(start)) own["weights." + name.substr(start.size())] = tensor;
  }
  return own;
}

/// A UNet that reads pictures: the prediction, and the pictures' tokens.
Tensors ipAdapter(const Json& config, const Tensors& in) {
  std::optional<Config> motion;
  if (!config.at("motion").is_null()) motion.emplace(config.at("motion"), "motion adapter");
  models::UNet unet(models::UNetConfig::read(Config(config.at("unet"), "UNet"), motion ? &*motion : nullptr));
  assignWeights(unet.parameters(), weightsOf("unet", in));
  models::IpAdapter adapter(projectionOf(config.at("projection")), models::crossAttentions(unet.config()));
  assignWeights(adapter.parameters(), weightsOf("adapter", in));

  // (B, pictures, ...) -> (B, all pictures' tokens, D)
  const at::Tensor& pictures = in.at("pictures");
  const at::Tensor tokens =
      adapter.tokens(pictures.flatten(0, 1)).unflatten(0, {pictures.size(0), -1}).flatten(1, 2);
  nn::ImagePrompts prompts = adapter.prompts(tokens);
  const Json& scales = config.at("scales");
  for (size_t i = 0; i < prompts.size(); ++i) prompts[i].scale = scales.at(i);
  const int64_t references = config.value("references", 0);
  const at::Tensor out = unet.forward({.images = in.at("sample"),
                                       .references = references,
                                       .timesteps = in.at("timestep"),
                                       .text = in.at("text"),
                                       .image_prompts = &prompts});
  return {{"tokens", tokens}, {"frames", out}};
}

}  // namespace

const bool kImagePromptsRegistered =
    addProbe("pipeline.resized_picture", resizedPicture) && addProbe("pipeline.clip_pixels", pixelsForClip) &&
    addProbe("models.clip_vision", clipVision) && addProbe("models.ip_adapter", ipAdapter);

}  // namespace cameo::test
