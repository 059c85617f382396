#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/i2vgen_xl/i2vgen_xl.h"
#include "families/network_loader.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"

namespace cameo::families {

namespace {

using nlohmann::json;
using pipeline::LoadOptions;

/// What diffusers' pipeline takes where nothing is said.
constexpr int64_t kI2VGenWidth = 1280, kI2VGenHeight = 704, kI2VGenFrames = 16, kI2VGenRate = 16,
                  kI2VGenSteps = 50, kI2VGenClipSkip = 1;
constexpr double kI2VGenGuidance = 9;

void requireFittingI2VGen(const I2VGenXl& model, const std::string& base) {
  const models::UNetConfig& unet = model.unet->config().blocks.unet;
  const auto require = [&](bool fits, const std::string& what) {
    if (fits) return;
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const int64_t latent_channels = model.vae->config().latent_channels;
  require(unet.in_channels == latent_channels && unet.out_channels == latent_channels,
          c10::str("the UNet has ", unet.in_channels, " input and ", unet.out_channels,
                   " output channels, the VAE's latents ", latent_channels));
  const int64_t read = unet.cross_attention_dim.front();
  const int64_t text = model.text_encoder->config().hidden_size;
  require(read == text,
          c10::str("the UNet reads text of ", read, " channels, the text encoder gives ", text));
  const int64_t picture = model.image_encoder->config().projection_dim;
  require(read == picture,
          c10::str("the UNet reads ", read, " numbers of a picture, the image encoder gives ", picture));
}

void describeI2VGen(I2VGenXl& model, const std::string& tokenizer) {
  json& text = model.description;
  describeWholeModel(model, "i2vgen-xl", "ddim", FilmOf::Picture);
  text["text"] = text["clipText"] = true;
  text["textEncoder"] = "clip";
  text["imageSize"] = "own";
  text["latentScale"] = model.vae->config().scale();
  text["defaultSize"] = {kI2VGenWidth, kI2VGenHeight};
  text["defaults"] = {{"frames", kI2VGenFrames},
                      {"fps", kI2VGenRate},
                      {"steps", kI2VGenSteps},
                      {"guidanceScale", kI2VGenGuidance},
                      {"clipSkip", std::min(kI2VGenClipSkip, model.text_encoder->config().layers - 1)}};
  text["textPositions"] = model.text_encoder->config().positions;
  text["textVocabulary"] = model.text_encoder->config().vocab_size;
  text["tokenizer"] = tokenizer.empty() ? json(nullptr) : json(tokenizer);
}

}  // namespace

std::unique_ptr<pipeline::Pipeline> loadI2VGenXl(const weights::BaseModel& base, const LoadOptions& options,
                                                 const pipeline::OnProgress& onProgress,
                                                 const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "an I2VGen-XL model", {"vae", "tokenizer"});
  auto model = emptyModel<I2VGenXl>(options);
  const c10::DeviceGuard on_its_device(model->device);
  const auto needed = weights::Weights::Required;
  const weights::Component text_encoder = base.text_encoder(needed),
                           image_encoder = base.image_encoder(needed), unet = base.unet(needed),
                           vae =
                               options.vae.empty() ? base.vae(needed) : weights::openVae(options.vae, needed);
  model->text_encoder = build<models::ClipText>(
      models::ClipTextConfig::read(Config(text_encoder.config, text_encoder.path)), text_encoder);
  model->image_encoder = build<models::ClipVision>(
      models::ClipVisionConfig::read(Config(image_encoder.config, image_encoder.path)), image_encoder);
  model->vae = build<models::Vae>(models::VaeConfig::read(Config(vae.config, vae.path)), vae);
  model->unet = build<models::I2VGenUNet>(models::I2VGenConfig::read(Config(unet.config, unet.path)), unet);
  const c10::ScalarType vae_dtype = model->vae->config().dtypeFor(model->dtype);
  model->vae_codec = std::make_unique<VaeCodec>(*model->vae, model->device, vae_dtype);
  takeScheduler(*model, base);
  // Latents are not bounded to -1..1.
  if (!model->scheduler.contains("clip_sample")) model->scheduler["clip_sample"] = false;
  requireFittingI2VGen(*model, options.base);
  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  loader.load("text_encoder", model->text_encoder->parameters(), model->dtype, text_encoder.layers);
  loader.load("image_encoder", model->image_encoder->parameters(), model->dtype, image_encoder.layers);
  loader.load("vae", model->vae->parameters(), vae_dtype, vae.layers);
  loader.load("unet", model->unet->parameters(), model->dtype, unet.layers);
  describeI2VGen(*model, options.tokenizer.empty() ? base.tokenizer : options.tokenizer);
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
