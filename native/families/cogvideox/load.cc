#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/cogvideox/cogvideox.h"
#include "families/network_loader.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"

namespace cameo::families {

namespace {

using nlohmann::json;
using pipeline::LoadOptions;

/// What its authors took where nothing is said.
constexpr int64_t kCogVideoXSteps = 50, kCogVideoXRate = 8, kCogVideoX15Rate = 16;
constexpr double kCogVideoXGuidance = 6;
/// 1.5's config has the largest places that it knows, which are more than it was trained on.
constexpr int64_t kCogVideoX15Width = 1360, kCogVideoX15Height = 768;

void requireFittingParts(const CogVideoX& model, const std::string& base) {
  const models::CogVideoXConfig& config = model.transformer->config();
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const int64_t latent_channels = model.vae->config().latent_channels;
  const bool fits = config.in_channels == latent_channels || config.in_channels == 2 * latent_channels;
  if (!fits || config.out_channels != latent_channels) {
    mismatch(c10::str("the transformer has ", config.in_channels, " input and ", config.out_channels,
                      " output channels, the VAE's latents ", latent_channels));
  }
  if (config.frames_per_latent != model.vae->config().time_scale) {
    mismatch(c10::str("a latent is ", config.frames_per_latent, " frames to the transformer and ",
                      model.vae->config().time_scale, " to the VAE"));
  }
  if (config.text_dim != model.text->config().model_size) {
    mismatch(c10::str("the transformer reads ", config.text_dim,
                      " numbers of a token, the text encoder gives ", model.text->config().model_size));
  }
}

std::pair<int64_t, int64_t> defaultSizeOf(const CogVideoX& model) {
  const models::CogVideoXConfig& config = model.transformer->config();
  const int64_t width = config.sample_width * model.vae_codec->stride(),
                height = config.sample_height * model.vae_codec->stride();
  if (!config.patches_over_time) return {width, height};
  return {std::min(width, kCogVideoX15Width), std::min(height, kCogVideoX15Height)};
}

void describeFilms(CogVideoX& model, const std::string& tokenizer) {
  const models::CogVideoXConfig& config = model.transformer->config();
  json& text = model.description;
  describeWholeModel(model, "cogvideox", "cogvideox-ddim",
                     model.takesImage() ? FilmOf::Picture : FilmOf::Prompt);
  text["films"] = text["dynamicGuidance"] = true;
  text["latentScale"] = model.vae_codec->stride() * config.patch.side;
  const auto [width, height] = defaultSizeOf(model);
  text["defaultSize"] = {width, height};
  text["defaults"] = {{"frames", config.sample_frames},
                      {"fps", config.patches_over_time ? kCogVideoX15Rate : kCogVideoXRate},
                      {"steps", kCogVideoXSteps},
                      {"guidanceScale", kCogVideoXGuidance}};
  model.text->describe(text, tokenizer);
}

}  // namespace

bool isCogVideoX(const weights::BaseModel& base) {
  return base.transformer_config.value("_class_name", json()) == weights::kCogVideoXClass;
}

std::unique_ptr<pipeline::Pipeline> loadCogVideoX(const weights::BaseModel& base, const LoadOptions& options,
                                                  const pipeline::OnProgress& onProgress,
                                                  const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "a CogVideoX model", {"vae", "tokenizer"});
  auto model = emptyModel<CogVideoX>(options);
  const c10::DeviceGuard on_its_device(model->device);
  const weights::Weights needed = neededWeights(options);
  const weights::Component transformer = base.transformer(needed), text = base.text_encoder(needed),
                           vae = options.vae.empty()
                                     ? base.vae(needed)
                                     : weights::openVae(options.vae, needed, weights::kCogVideoVaeClass);
  model->vae = build<models::CausalVae>(models::CausalVaeConfig::read(Config(vae.config, vae.path)), vae);
  const c10::ScalarType vae_dtype = model->vae->config().dtypeFor(model->dtype);
  model->vae_codec = std::make_unique<CausalVaeCodec>(*model->vae, model->device, vae_dtype);
  model->transformer = build<models::CogVideoX>(
      models::CogVideoXConfig::read(Config(transformer.config, transformer.path)), transformer);
  const models::CogVideoXConfig& config = model->transformer->config();
  model->text = std::make_unique<T5Text>(text, T5Reading{config.text_tokens, T5Padding::Seen}, *model);
  takeScheduler(*model, base);
  requireFittingParts(*model, options.base);
  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  model->text->load(loader);
  loader.load("vae", model->vae->parameters(), vae_dtype, vae);
  loader.load("transformer", model->transformer->parameters(), model->dtype, transformer);
  describeFilms(*model, options.tokenizer.empty() ? base.tokenizer : options.tokenizer);
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
