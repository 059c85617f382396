#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/latte/latte.h"
#include "families/network_loader.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"

namespace cameo::families {

namespace {

using pipeline::LoadOptions;

/// What diffusers' pipeline reads of a prompt, and takes where nothing is said.
constexpr int64_t kLatteTokens = 120, kLatteSteps = 50, kLatteRate = 8;
constexpr double kLatteGuidance = 7.5;
/// Frames that diffusers decodes together, where the VAE's decoder knows the frames beside each other.
constexpr int64_t kDecodedTogether = 14;

void requireFittingLatte(const Latte& model, const std::string& base) {
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const models::LatteConfig& config = model.transformer->config();
  const int64_t latents = model.vae->config().latent_channels, states = model.text->config().model_size;
  if (config.in_channels != latents || config.out_channels != 2 * latents) {
    mismatch(c10::str("the transformer has ", config.in_channels, " input and ", config.out_channels,
                      " output channels, the VAE's latents ", latents));
  }
  if (config.text_channels != states) {
    mismatch(c10::str("the transformer reads text of ", config.text_channels,
                      " channels, the text encoder gives ", states));
  }
}

void describeLatte(Latte& model, const std::string& tokenizer) {
  const models::LatteConfig& config = model.transformer->config();
  const int64_t scale = model.vae->config().scale();
  nlohmann::json& text = model.description;
  describeWholeModel(model, "latte", "ddim", FilmOf::Prompt);
  model.text->describe(text, tokenizer);
  text["latentScale"] = scale * config.patch;
  text["defaultSize"] = {config.sample_size * scale, config.sample_size * scale};
  text["defaults"] = {{"frames", config.frames},
                      {"fps", kLatteRate},
                      {"steps", kLatteSteps},
                      {"guidanceScale", kLatteGuidance}};
}

}  // namespace

std::unique_ptr<pipeline::Pipeline> loadLatte(const weights::BaseModel& base, const LoadOptions& options,
                                              const pipeline::OnProgress& onProgress,
                                              const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "a Latte model", {"vae"});
  auto model = emptyModel<Latte>(options);
  const c10::DeviceGuard on_its_device(model->device);
  const auto needed = weights::Weights::Required;
  const weights::Component text_encoder = base.text_encoder(needed), transformer = base.transformer(needed),
                           vae = weights::openEitherVae(
                               options.vae.empty() ? base.path + "/vae" : options.vae, needed);
  model->transformer = build<models::LatteTransformer>(
      models::LatteConfig::read(Config(transformer.config, transformer.path)), transformer);
  model->vae = build<models::Vae>(models::VaeConfig::read(Config(vae.config, vae.path)), vae);
  const c10::ScalarType vae_dtype = model->vae->config().dtypeFor(model->dtype);
  model->vae_codec = std::make_unique<VaeCodec>(*model->vae, model->device, vae_dtype, kDecodedTogether);
  model->text = std::make_unique<T5Text>(
      text_encoder, T5Reading{.length = kLatteTokens, .padding = T5Padding::Dropped, .cleaning = "caption"},
      *model);
  takeScheduler(*model, base);
  requireFittingLatte(*model, options.base);
  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  model->text->load(loader);
  loader.load("transformer", model->transformer->parameters(), model->dtype, transformer.layers);
  loader.load("vae", model->vae->parameters(), vae_dtype, vae.layers);
  describeLatte(*model, base.tokenizer);
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
