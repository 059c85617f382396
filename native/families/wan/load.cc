#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/network_loader.h"
#include "families/wan/wan.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"
#include "samplers/samplers.h"
#include "weights/film_vae.h"

namespace cameo::families {

namespace {

using pipeline::LoadOptions;

/// What its authors, and diffusers' pipeline, take where nothing is said.
constexpr int64_t kWanTokens = 512, kWanSteps = 50, kWanRate = 16, kWanFrames = 81;
constexpr int64_t kWanWidth = 832, kWanHeight = 480;
constexpr double kWanGuidance = 5;

void requireFittingWan(const Wan& model, const std::string& base) {
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const models::WanConfig& config = model.transformer->config();
  const int64_t latents = model.vae->config().latent_channels, states = model.text->config().model_size;
  if (config.in_channels != latents || config.out_channels != latents) {
    mismatch(c10::str("the transformer has ", config.in_channels, " input and ", config.out_channels,
                      " output channels, the VAE's latents ", latents));
  }
  if (config.text_dim != states) {
    mismatch(c10::str("the transformer reads text of ", config.text_dim, " channels, the text encoder gives ",
                      states));
  }
}

void describeWan(Wan& model, const std::string& tokenizer) {
  nlohmann::json& text = model.description;
  text["family"] = "wan";
  text["device"] = model.device.str();
  text["dtype"] = dtypeName(model.dtype);
  describeAsWholeModel(text);
  text["image"] = text["imageToVideo"] = false;
  text["films"] = true;
  text["required"] = nlohmann::json::array();
  model.text->describe(text, tokenizer);
  const std::string sampler = samplers::samplerNameOf(model.scheduler);
  text["scheduler"] = sampler.empty() ? "unipc" : sampler;
  text["latentScale"] = model.vae_codec->stride() * model.transformer->config().patch.side;
  text["defaultSize"] = {kWanWidth, kWanHeight};
  text["defaults"] = {
      {"frames", kWanFrames}, {"fps", kWanRate}, {"steps", kWanSteps}, {"guidanceScale", kWanGuidance}};
}

}  // namespace

std::unique_ptr<pipeline::Pipeline> loadWan(const weights::BaseModel& base, const LoadOptions& options,
                                            const pipeline::OnProgress& onProgress,
                                            const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "a Wan model", {"vae", "tokenizer"});
  auto model = emptyModel<Wan>(options);
  const c10::DeviceGuard on_its_device(model->device);
  const auto needed = weights::Weights::Required;
  const weights::Component text_encoder = base.text_encoder(needed), transformer = base.transformer(needed),
                           vae = options.vae.empty()
                                     ? base.vae(needed)
                                     : weights::openFilmVae(options.vae, needed, weights::kWanVaeClass);
  model->transformer = build<models::WanTransformer>(
      models::WanConfig::read(Config(transformer.config, transformer.path)), transformer);
  model->vae = build<models::WanVae>(models::WanVaeConfig::read(Config(vae.config, vae.path)), vae);
  model->vae_codec = std::make_unique<CausalVaeCodec>(*model->vae, model->device, model->dtype);
  model->text = std::make_unique<T5Text>(
      text_encoder, T5Reading{.length = kWanTokens, .padding = T5Padding::Zeroed, .cleaning = "entities"},
      *model);
  takeScheduler(*model, base);
  requireFittingWan(*model, options.base);
  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  model->text->load(loader);
  loader.load("transformer", model->transformer->parameters(), model->dtype, transformer.layers);
  loader.load("vae", model->vae->parameters(), model->dtype, vae.layers);
  describeWan(*model, options.tokenizer.empty() ? base.tokenizer : options.tokenizer);
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
