#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/network_loader.h"
#include "families/wan/image_to_video.h"
#include "families/wan/phantom.h"
#include "families/wan/vace.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"
#include "weights/film_vae.h"
#include "weights/wan.h"

namespace cameo::families {

namespace {

using nlohmann::json;
using pipeline::LoadOptions;

/// What its authors, and diffusers' pipeline, take where nothing is said.
constexpr int64_t kWanTokens = 512, kWanSteps = 50, kWanRate = 16, kWanFrames = 81;
constexpr int64_t kWanWidth = 832, kWanHeight = 480;
constexpr double kWanGuidance = 5;
/// What the released code takes where no negative prompt is given.
constexpr const char* kReleasedNegative =
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG"
    "压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，"
    "静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走";

void requireFittingWan(const Wan& model, const std::string& base) {
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const models::WanConfig& config = model.transformer->config();
  const int64_t latents = model.vae->config().latent_channels, states = model.text->config().model_size;
  const int64_t input = model.inputChannels();
  if (config.in_channels != input || config.out_channels != latents) {
    mismatch(c10::str("the transformer has ", config.in_channels, " input and ", config.out_channels,
                      " output channels, and of the VAE's latents there are ", input, " and ", latents));
  }
  if (config.text_dim != states) {
    mismatch(c10::str("the transformer reads text of ", config.text_dim, " channels, the text encoder gives ",
                      states));
  }
}

void describeWan(Wan& model, const std::string& tokenizer, bool is_released) {
  nlohmann::json& text = model.description;
  const models::WanConfig& config = model.transformer->config();
  const int64_t stride = model.vae_codec->stride();
  describeWholeModel(model, "wan", "unipc", FilmOf::Prompt);
  model.text->describe(text, tokenizer);
  text["latentScale"] = stride * config.patch.side;
  text["defaultSize"] = {config.sample_width ? *config.sample_width * stride : kWanWidth,
                         config.sample_height ? *config.sample_height * stride : kWanHeight};
  text["defaults"] = {{"frames", config.sample_frames.value_or(kWanFrames)},
                      {"fps", kWanRate},
                      {"steps", kWanSteps},
                      {"guidanceScale", kWanGuidance}};
  if (is_released) text["defaults"]["negativePrompt"] = kReleasedNegative;
}

/// A subject's transformer has all that the base's has; it goes by the base's config.
void takeSubject(weights::Component& transformer, const std::vector<std::string>& subject) {
  if (subject.size() > 1) {
    throw Error(ErrorCode::InvalidOption, "subject: of a Wan model one file is taken; leave the others out");
  }
  transformer.layers.push_back(weights::wanTransformerLayer(subject.front(), "Phantom's transformer"));
}

/// Throws for what Wan 2.2 has and 2.1 hasn't: films that were made without it would be others.
void refuseNewer(const weights::BaseModel& base) {
  const auto second = base.index.find("transformer_2");
  const bool has_second =
      second != base.index.end() && second->is_array() && !second->empty() && !second->front().is_null();
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsFormat, c10::str(base.path, ": this is a model of Wan 2.2, ", what,
                                                   ", which is not supported; take one of Wan 2.1"));
  };
  if (has_second) refuse("with two transformers in turn (transformer_2)");
  if (base.index.value("expand_timesteps", json()) == true)
    refuse("with a time for each latent (expand_timesteps)");
}

/// By what the transformer's config has beside Wan's.
std::unique_ptr<Wan> emptyWan(const json& transformer, const LoadOptions& options) {
  const auto takesNoSubject = [&](const char* kind) {
    refuseOtherNetworks(options, kind, {"vae", "tokenizer"});
  };
  if (transformer.contains("vace_layers")) {
    takesNoSubject("a VACE model");
    return emptyModel<Vace>(options);
  }
  const auto channels = [&](const char* name) { return transformer.value(name, json(16)); };
  const bool sees_more = channels("in_channels").is_number() && channels("out_channels").is_number() &&
                         channels("in_channels") > channels("out_channels");
  if (sees_more) {
    takesNoSubject("a Wan model that makes films of a picture");
    return emptyModel<ImageToVideo>(options);
  }
  if (!options.subject.empty() || options.learns_subject) return emptyModel<Phantom>(options);
  return emptyModel<Wan>(options);
}

}  // namespace

std::unique_ptr<pipeline::Pipeline> loadWan(const weights::BaseModel& base, const LoadOptions& options,
                                            const pipeline::OnProgress& onProgress,
                                            const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "a Wan model", {"vae", "tokenizer", "subject"});
  refuseNewer(base);
  std::unique_ptr<Wan> model = emptyWan(base.transformer_config, options);
  const c10::DeviceGuard on_its_device(model->device);
  const weights::Weights needed = neededWeights(options);
  const weights::Component text_encoder = base.text_encoder(needed),
                           vae = options.vae.empty()
                                     ? base.vae(needed)
                                     : weights::openFilmVae(options.vae, needed, weights::kWanVaeClass);
  // A subject's transformer stands in for all of the base's.
  weights::Component transformer =
      base.transformer(options.subject.empty() ? needed : weights::Weights::Optional);
  if (!options.subject.empty()) takeSubject(transformer, options.subject);
  model->transformer = build<models::WanTransformer>(
      models::WanConfig::read(Config(transformer.config, transformer.path)), transformer);
  model->vae = build<models::WanVae>(models::WanVaeConfig::read(Config(vae.config, vae.path)), vae);
  model->vae_codec = std::make_unique<CausalVaeCodec>(*model->vae, model->device, model->dtype);
  model->buildOwn(base, transformer);
  model->text = std::make_unique<T5Text>(text_encoder,
                                         T5Reading{.length = kWanTokens,
                                                   .padding = T5Padding::Zeroed,
                                                   .cleaning = "entities",
                                                   .by_block = options.text_by_block},
                                         *model);
  takeScheduler(*model, base);
  // Phantom's code samples as Wan's released one, whatever the layout of its base.
  const bool has_subject = !options.subject.empty() || options.learns_subject;
  if (has_subject) model->scheduler = weights::releasedWanScheduler();
  requireFittingWan(*model, options.base);
  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  model->text->load(loader);
  transformer.layers = model->transformerLayers(transformer);
  loader.load("transformer", model->transformer->parameters(), model->dtype, transformer);
  loader.load("vae", model->vae->parameters(), model->dtype, vae);
  model->loadOwn(loader);
  describeWan(*model, options.tokenizer.empty() ? base.tokenizer : options.tokenizer,
              has_subject || base.index.value("released", false));
  model->describeOwn();
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
