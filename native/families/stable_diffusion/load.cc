#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/network_loader.h"
#include "families/stable_diffusion/controls.h"
#include "families/stable_diffusion/image_prompt.h"
#include "families/stable_diffusion/learned_words.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "models/motion_names.h"
#include "pipeline/loras.h"
#include "pipeline/origins.h"
#include "samplers/samplers.h"
#include "weights/open_weights.h"
#include "weights/subject.h"

namespace cameo::families {

using nlohmann::json;
using pipeline::LoadOptions, pipeline::ModelSources, pipeline::Network, pipeline::OnProgress, pipeline::Phase;

namespace {

/// What the options say of the subject model, else the last of its files that says so.
weights::SubjectMetadata readSubject(const LoadOptions& options, const std::vector<weights::Layer>& files) {
  weights::SubjectMetadata subject = options.subject_metadata;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const auto said = weights::readSubjectMetadata(*file->source);
    if (!subject.reference_cross_attention)
      subject.reference_cross_attention = said.reference_cross_attention;
    if (!subject.noise_correlation) subject.noise_correlation = said.noise_correlation;
  }
  return subject;
}

models::UNetConfig readUNetConfig(const weights::Component& unet,
                                  const std::optional<weights::Component>& motion,
                                  const weights::SubjectMetadata& subject) {
  std::optional<Config> motion_config;
  if (motion) motion_config.emplace(motion->config, motion->path);
  auto config =
      models::UNetConfig::read(Config(unet.config, unet.path), motion_config ? &*motion_config : nullptr);
  config.reference_cross_attention =
      subject.reference_cross_attention.value_or(config.reference_cross_attention);
  return config;
}

/// What a config says that holds for any sampler.
json sharedFields(const json& config) {
  json shared;
  for (const char* field : {"num_train_timesteps", "beta_start", "beta_end", "trained_betas",
                            "prediction_type", "rescale_betas_zero_snr", "set_alpha_to_one"}) {
    if (config.contains(field)) shared[field] = config[field];
  }
  return shared;
}

/// The scheduler config that the model goes by: the base model's own, with what AnimateDiff was trained with
/// where motion modules are loaded.
json readScheduler(const LoadOptions& options, const weights::BaseModel& base) {
  json config = base.scheduler();
  if (!options.prediction.empty()) config["prediction_type"] = options.prediction;
  if (!config.contains("clip_sample")) config["clip_sample"] = false;  // latents are not bounded to -1..1
  if (!options.motion.empty()) {
    if (samplers::samplerNameOf(config) != "ddim") config = sharedFields(config);
    config["_class_name"] = "DDIMScheduler";
    config["beta_schedule"] = "linear";
    config["timestep_spacing"] = "linspace";
    config["steps_offset"] = 1;
    config["clip_sample"] = false;
  }
  samplers::ScheduleConfig::read(Config(config, base.scheduler_path));  // complains of the file by its name
  return config;
}

/// Training names its model's family itself.
void refuseFilmsOfPictures(const weights::BaseModel& base) {
  const char* kind = weights::isVideoUNet(base.unet_config)           ? "a Stable Video Diffusion model"
                     : weights::isI2VGenUNet(base.unet_config)        ? "an I2VGen-XL model"
                     : weights::isDynamiCrafterUNet(base.unet_config) ? "a DynamiCrafter model"
                                                                      : nullptr;
  if (kind == nullptr) return;
  throw Error(ErrorCode::WeightsMismatch,
              c10::str(base.path, ": this is ", kind,
                       ", which makes films of pictures and can't be trained; name a Stable Diffusion 1.5 "
                       "model"));
}

void requireFitting(const StableDiffusion& model, const std::string& base) {
  const auto& unet = model.unet->config();
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const int64_t latent_channels = model.vae->config().latent_channels;
  if (unet.in_channels != model.inputChannels() || unet.out_channels != latent_channels) {
    mismatch(c10::str("the UNet has ", unet.in_channels, " input and ", unet.out_channels,
                      " output channels, the VAE's latents ", latent_channels));
  }
  for (const int64_t dim : unet.cross_attention_dim) {
    if (dim == model.text_encoder->config().hidden_size) continue;
    mismatch(c10::str("the UNet reads text of ", dim, " channels, the text encoder gives ",
                      model.text_encoder->config().hidden_size));
  }
}

/// The ControlNets that the options name, without their weights.
std::vector<weights::Component> openControls(StableDiffusion& model, const LoadOptions& options) {
  std::vector<weights::Component> opened;
  for (const std::string& path : options.controls) {
    const auto& file = opened.emplace_back(weights::openControl(path, weights::Weights::Required));
    const auto config = models::ControlConfig::read(Config(file.config, file.path));
    const auto& control = model.controls.emplace_back(build<models::ControlNet>(config, file));
    requireFittingControl(model, *control, file.path);
  }
  if (std::count_if(model.controls.begin(), model.controls.end(),
                    [](const auto& control) { return control->config().isSparse(); }) > 1) {
    throw Error(ErrorCode::InvalidOption, "controls: one SparseCtrl network can be loaded, not several");
  }
  return opened;
}

void describe(StableDiffusion& model, const std::string& tokenizer) {
  const auto& unet = model.unet->config();
  const int64_t scale = model.vae->config().scale();
  json& text = model.description;
  text["family"] = model.family();
  text["device"] = model.device.str();
  text["dtype"] = dtypeName(model.dtype);
  for (const char* ability : {"text", "clipText", "windows", "caching", "video"}) text[ability] = true;
  text["textEncoder"] = "clip";
  text["promptCleaning"] = "none";
  text["image"] = true;
  text["imageToVideo"] = text["motionBucket"] = text["frameStride"] = false;
  text["imageGuidance"] = text["instruction"] = model.isGuidedByImage();
  text["strength"] = !model.isGuidedByImage();
  text["mask"] = !model.isGuidedByImage();
  text["lastImage"] = unet.motion && !model.isGuidedByImage() && !model.seesMask();
  text["required"] = json::array();
  if (model.isGuidedByImage() || model.seesMask()) text["required"].push_back("image");
  if (model.seesMask()) text["required"].push_back("mask");
  text["subject"] = text["subjectRegions"] = text["pictureLatents"] = model.has_subject;
  const auto sparse = std::count_if(model.controls.begin(), model.controls.end(),
                                    [](const auto& control) { return control->config().isSparse(); });
  text["controls"] = static_cast<int64_t>(model.controls.size()) - sparse;
  text["keyframes"] = sparse > 0;
  text["imagePrompt"] = model.ip_adapter != nullptr;
  text["motion"] = unet.motion ? json{{"maxFrames", unet.motion->max_images}} : json(nullptr);
  const std::string sampler = samplers::samplerNameOf(model.scheduler);
  text["scheduler"] = sampler.empty() ? "ddim" : sampler;
  text["latentScale"] = scale;
  text["defaultSize"] = {unet.sample_size[1] * scale, unet.sample_size[0] * scale};  // width, height
  text["textPositions"] = model.text_encoder->config().positions;
  text["textVocabulary"] = model.text_encoder->config().vocab_size;
  text["tokenizer"] = tokenizer.empty() ? json(nullptr) : json(tokenizer);
}

}  // namespace

void load(StableDiffusion& model, const weights::BaseModel& base, const LoadOptions& options,
          const OnProgress& onProgress, const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  const c10::DeviceGuard on_its_device(model.device);
  computeFloatsExactly();
  refuseFilmsOfPictures(base);
  if (!options.subject.empty() && options.motion.empty()) {
    throw Error(ErrorCode::InvalidOption,
                "subject: a subject model needs motion modules; name their folder with `motion`");
  }

  if (!options.subject.empty() && model.isGuidedByImage()) {
    throw Error(ErrorCode::InvalidOption,
                "subject: a model that edits a picture takes no subject; leave it out");
  }

  model.plain_kernels = options.plain_kernels;
  model.max_memory = options.max_memory;
  const weights::Weights needed = neededWeights(options);
  const weights::Component text_encoder = base.text_encoder(needed), unet = base.unet(needed),
                           vae =
                               options.vae.empty() ? base.vae(needed) : weights::openVae(options.vae, needed);
  std::optional<weights::Component> motion;
  if (!options.motion.empty()) motion = weights::openMotion(options.motion, unet.config, needed);

  std::vector<weights::Layer> subject;
  for (const std::string& path : options.subject) subject.push_back({weights::openWeights(path)});
  model.has_subject = !subject.empty();
  const weights::SubjectMetadata metadata = readSubject(options, subject);
  model.noise_correlation = metadata.noise_correlation.value_or(0);

  using models::ClipTextConfig, models::VaeConfig;
  model.text_encoder = build<models::ClipText>(
      ClipTextConfig::read(Config(text_encoder.config, text_encoder.path)), text_encoder);
  model.vae = build<models::Vae>(VaeConfig::read(Config(vae.config, vae.path)), vae);
  model.unet = build<models::UNet>(readUNetConfig(unet, motion, metadata), motion ? *motion : unet);
  model.scheduler_path = base.scheduler_path;
  model.scheduler = readScheduler(options, base);
  model.vae_codec =
      std::make_unique<VaeCodec>(*model.vae, model.device, model.vae->config().dtypeFor(model.dtype));
  requireFitting(model, options.base);
  const std::vector<weights::Component> controls = openControls(model, options);
  const std::optional<ImagePromptFiles> image_prompt = openImagePrompt(model, options);
  const weights::LoraPlan loras = pipeline::planLoras(model, options.lora);
  const std::vector<LearnedWord> words = openWords(options.embeddings, *model.text_encoder);

  std::vector<weights::Layer> unet_layers = unet.layers;
  ModelSources sources;
  const auto source = [](const weights::Layer& layer) {
    return std::make_shared<const weights::TensorSource>(weights::renamed(layer));
  };
  if (!unet.layers.empty()) sources.base = source(unet.layers.front());
  if (motion && !motion->layers.empty()) {
    sources.motion = source(motion->layers.front());
    unet_layers.push_back(motion->layers.front());
  }
  unet_layers.insert(unet_layers.end(), subject.begin(), subject.end());
  for (const auto& layer : subject) sources.subject.push_back(layer.source);
  model.origins = pipeline::originsOf(options, sources);
  model.description["warnings"] = pipeline::originWarnings(model.origins, sources);

  NetworkLoader loader(model, options, onProgress, cancellation);
  for (const Network& network : model.networks()) loader.expect(network.parameters);
  loader.load("text_encoder", model.text_encoder->parameters(), model.dtype, text_encoder);
  model.description["embeddings"] = addWords(words, *model.text_encoder, model.dtype);
  if (image_prompt) {
    loader.load("image_encoder", model.image_encoder->parameters(), model.dtype,
                image_prompt->image_encoder.layers);
    loader.load("ip_adapter", model.ip_adapter->parameters(), model.dtype, {image_prompt->adapter.layer});
  }
  loader.load("vae", model.vae->parameters(), model.vae->config().dtypeFor(model.dtype), vae);
  loader.load("unet", model.unet->parameters(), model.dtype, unet_layers, [&](const std::string& name) {
    const bool is_motion = models::isMotionName(name);
    return is_motion ? motion && motion->layers.empty() : unet.layers.empty();
  });
  for (size_t i = 0; i < controls.size(); ++i) {
    loader.load(c10::str("control.", i), model.controls[i]->parameters(), model.dtype, controls[i].layers,
                [](const std::string& name) { return name.ends_with(".pe"); });
  }
  describe(model, options.tokenizer.empty() ? base.tokenizer : options.tokenizer);
  if (!options.check_only) pipeline::setLoras(model, loras, cancellation);
}

}  // namespace cameo::families
