#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/dynamicrafter/dynamicrafter.h"
#include "families/network_loader.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"

namespace cameo::families {

namespace {

using nlohmann::json;
using pipeline::LoadOptions;

/// What the released programs take.
constexpr int64_t kDynamiCrafterFrames = 16, kDynamiCrafterSteps = 50, kDynamiCrafterFps = 8;
constexpr double kDynamiCrafterGuidance = 7.5;

void requireFittingDynamiCrafter(const DynamiCrafter& model, const std::string& base) {
  const models::UNetConfig& unet = model.unet->config().unet;
  const auto require = [&](bool fits, const std::string& what) {
    if (fits) return;
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const int64_t latent_channels = model.vae->config().latent_channels;
  require(unet.in_channels == 2 * latent_channels && unet.out_channels == latent_channels,
          c10::str("the UNet has ", unet.in_channels, " input and ", unet.out_channels,
                   " output channels, the VAE's latents ", latent_channels));
  const int64_t read = unet.cross_attention_dim.front();
  const int64_t text = model.text_encoder->config().hidden_size,
                picture = model.picture->config().context_dim;
  require(read == text && read == picture,
          c10::str("the UNet reads ", read, " numbers, the text encoder gives ", text,
                   " and what makes tokens of the picture ", picture));
  const int64_t seen = model.image_encoder->config().hidden_size;
  require(model.picture->config().image_dim == seen,
          c10::str("tokens are made of ", model.picture->config().image_dim,
                   " numbers of a picture, the image encoder gives ", seen));
}

void describeDynamiCrafter(DynamiCrafter& model, const std::string& tokenizer) {
  json& text = model.description;
  const weights::DynamiCrafterFacts& facts = model.facts;
  describeWholeModel(model, "dynamicrafter", "ddim-lvdm", FilmOf::Picture);
  for (const char* ability : {"text", "clipText", "lastImage", "pictureLatents"}) {
    text[ability] = true;
  }
  text["textEncoder"] = "clip";
  text["promptCleaning"] = "entities";
  text["frameStride"] = facts.rate_is_stride;
  text["imageSize"] = "own";
  text["latentScale"] = model.vae->config().scale();
  text["defaultSize"] = {facts.width, facts.height};
  text["defaults"] = {{"frames", kDynamiCrafterFrames},
                      {"fps", facts.rate_is_stride ? json(kDynamiCrafterFps) : json(facts.rate)},
                      {"steps", kDynamiCrafterSteps},
                      {"guidanceScale", kDynamiCrafterGuidance},
                      {"guidanceRescale", facts.guidance_rescale},
                      {"referenceLatents", "sample"},
                      {"longPrompt", "cut"},
                      {"clipSkip", std::min(facts.clip_skip, model.text_encoder->config().layers - 1)}};
  if (facts.rate_is_stride) text["defaults"]["frameStride"] = facts.rate;
  text["textPositions"] = model.text_encoder->config().positions;
  text["textVocabulary"] = model.text_encoder->config().vocab_size;
  text["tokenizer"] = tokenizer.empty() ? json(nullptr) : json(tokenizer);
}

}  // namespace

std::unique_ptr<pipeline::Pipeline> loadDynamiCrafter(const weights::BaseModel& base,
                                                      const LoadOptions& options,
                                                      const pipeline::OnProgress& onProgress,
                                                      const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "a DynamiCrafter model", {"vae", "tokenizer", "prediction"});
  auto model = emptyModel<DynamiCrafter>(options);
  const c10::DeviceGuard on_its_device(model->device);
  model->facts = weights::dynamiCrafterFacts(base);
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
  const models::SpaceTimeConfig config =
      models::DynamiCrafterUNet::readConfig(Config(unet.config, unet.path));
  model->unet = build<models::DynamiCrafterUNet>(config, unet);
  const auto attentions = models::DynamiCrafterUNet::crossAttentionsOf(config);
  const weights::DynamiCrafterPicture picture = weights::dynamiCrafterPictureOf(base, attentions);
  model->picture =
      std::make_unique<models::IpAdapter>(picture.config, attentions, model->facts.learned_scales);
  const c10::ScalarType vae_dtype = model->vae->config().dtypeFor(model->dtype);
  model->vae_codec = std::make_unique<VaeCodec>(*model->vae, model->device, vae_dtype);
  takeScheduler(*model, base);
  if (!options.prediction.empty()) model->scheduler["prediction_type"] = options.prediction;
  requireFittingDynamiCrafter(*model, options.base);
  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  loader.load("text_encoder", model->text_encoder->parameters(), model->dtype, text_encoder.layers);
  loader.load("image_encoder", model->image_encoder->parameters(), model->dtype, image_encoder.layers);
  loader.load("ip_adapter", model->picture->parameters(), model->dtype, {picture.layer});
  loader.load("vae", model->vae->parameters(), vae_dtype, vae.layers);
  loader.load("unet", model->unet->parameters(), model->dtype, unet.layers);
  describeDynamiCrafter(*model, options.tokenizer.empty() ? base.tokenizer : options.tokenizer);
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
