#include "pipeline/request.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <map>

#include "core/config.h"
#include "pipeline/loras.h"
#include "pipeline/request_length.h"

namespace cameo::pipeline {

namespace {

constexpr size_t kMostSubjectFiles = 64, kMostEmbeddings = 256, kMostControls = 16, kMostDevices = 16,
                 kMostScales = 64, kMostBlocksOfScale = 256;

const std::map<std::string, bool> kArePlain = {{"fast", false}, {"plain", true}};
const std::map<std::string, bool> kAreSampled = {{"mode", false}, {"sample", true}};
const std::map<std::string, ReferenceNoiseMode> kNoiseModes = {
    {"independent", ReferenceNoiseMode::Independent}, {"as-released", ReferenceNoiseMode::AsReleased}};

std::optional<uint64_t> optionalCount(const Config& options, const char* name) {
  if (!options.has(name)) return std::nullopt;
  return options.integer(name);
}

ScheduleRange readRange(const Config& options, const char* name) {
  const auto range = options.numbers(name, 2);
  if (range.size() != 2) options.fail(name, "it must be a list of 2 numbers");
  return {range[0], range[1]};
}

std::vector<EmbeddingFile> readEmbeddings(const Config& options) {
  if (!options.has("embeddings")) return {};
  const nlohmann::json& list = options.value("embeddings");
  const auto refuse = [&] { options.fail("embeddings", "it must be a list of files, each with its path"); };
  if (!list.is_array() || list.size() > kMostEmbeddings) refuse();
  std::vector<EmbeddingFile> files;
  for (const nlohmann::json& file : list) {
    const bool has_path = file.is_object() && file.contains("path") && file["path"].is_string();
    const bool has_token = has_path && file.contains("token");
    if (!has_path || (has_token && !file["token"].is_string())) refuse();
    files.push_back({file["path"], has_token ? file["token"].get<std::string>() : ""});
  }
  return files;
}

ImagePromptScale readImagePromptScale(const Config& options, const nlohmann::json& value) {
  const auto number = [&](const nlohmann::json& holder, const char* name) {
    if (holder.contains(name) && holder[name].is_number()) return holder[name].get<double>();
    options.fail("ipScale", "each must have scale, from and to, which are numbers");
  };
  if (!value.is_object()) options.fail("ipScale", "it must be a list of objects");
  ImagePromptScale scale{number(value, "scale"), {}, {number(value, "from"), number(value, "to")}};
  const nlohmann::json blocks = value.value("blocks", nlohmann::json::object());
  if (!blocks.is_object() || blocks.size() > kMostBlocksOfScale) {
    options.fail("ipScale", "blocks must be an object of at most 256 parts with a number each");
  }
  for (const auto& [part, factor] : blocks.items()) {
    if (!factor.is_number()) options.fail("ipScale", "the scales in blocks must be numbers");
    scale.blocks[part] = factor.get<double>();
  }
  return scale;
}

std::vector<ImagePromptScale> readImagePromptScales(const Config& options) {
  const nlohmann::json& list = options.value("ipScale");
  if (!list.is_array() || list.empty() || list.size() > kMostScales)
    options.fail("ipScale", "it must be a list of 1 to 64");
  std::vector<ImagePromptScale> scales;
  for (const nlohmann::json& value : list) scales.push_back(readImagePromptScale(options, value));
  return scales;
}

/// The sampler, and the options that are its; what they say is the samplers' to check.
samplers::SamplerChoice readSampler(const Config& options) {
  samplers::SamplerChoice choice;
  if (options.has("scheduler")) {
    choice.scheduler = options.value("scheduler");
    if (!choice.scheduler.is_string() && !choice.scheduler.is_object()) {
      options.fail("scheduler", "it must be a name, or what a scheduler_config.json has");
    }
  }
  const auto add = [&](const char* name, const char* field) {
    if (options.has(name)) choice.options.push_back({name, {{field, options.value(name)}}});
  };
  add("eta", "eta");
  add("spacing", "timestep_spacing");
  add("shift", "shift");
  add("zeroTerminalSnr", "rescale_betas_zero_snr");
  if (options.has("sigmas")) {
    nlohmann::json shapes;
    for (const char* shape : {"karras", "exponential", "beta"}) {
      shapes[c10::str("use_", shape, "_sigmas")] = options.value("sigmas") == shape;
    }
    choice.options.push_back({"sigmas", shapes});
  }
  return choice;
}

}  // namespace

LoadOptions LoadOptions::read(const Config& options) {
  LoadOptions result{};
  result.base = options.text("base");
  result.motion = options.text("motion", "");
  result.subject = options.texts("subject", {}, kMostSubjectFiles);
  result.vae = options.text("vae", "");
  result.ip_adapter = options.text("ipAdapter", "");
  result.image_encoder = options.text("imageEncoder", "");
  result.tokenizer = options.text("tokenizer", "");
  result.prediction = options.text("prediction", "");
  result.controls = options.texts("controls", {}, kMostControls);
  result.lora = readLoras(options);
  result.embeddings = readEmbeddings(options);
  result.draw_missing = optionalCount(options, "drawMissing");
  result.device = options.text("device");
  result.parallel_devices = options.texts("parallelDevices", {}, kMostDevices);
  result.dtype = options.text("dtype");
  result.plain_kernels = options.oneOf("kernels", kArePlain);
  result.max_memory = optionalCount(options, "maxMemory");
  result.check_only = options.boolean("headersOnly", false);
  return result;
}

const std::vector<RgbImage>& SampleRequest::picturesOf(const std::string& name) const {
  static const std::vector<RgbImage> kNone;
  const auto found = pictures.find(name);
  return found == pictures.end() ? kNone : found->second;
}

SampleRequest SampleRequest::read(const Config& options) {
  SampleRequest request{};
  request.frames = options.integer("frames");
  request.width = options.integer("width");
  request.height = options.integer("height");
  request.steps = options.integer("steps");
  request.guidance_scale = options.number("guidanceScale");
  request.guidance_range = readRange(options, "guidanceRange");
  request.cache_interval = options.integer("cacheInterval");
  request.cache_layers = options.integer("cacheLayers");
  request.token_merging = options.number("tokenMerging");
  readLength(options, request);
  request.subjects = readSubjects(options);
  request.sampler = readSampler(options);
  request.parallel = {options.integer("parallelSteps"), options.number("parallelTolerance")};
  request.clip_skip = options.integer("clipSkip");
  request.guidance_rescale = options.number("guidanceRescale");
  request.dynamic_guidance = options.boolean("dynamicGuidance", false);
  request.image_guidance_scale = options.number("imageGuidanceScale");
  request.min_guidance_scale = options.number("minGuidanceScale", 1);
  request.fps = options.number("fps");
  request.motion_bucket = options.number("motionBucket", 0);
  request.frame_stride = options.number("frameStride", 0);
  request.noise_augmentation = options.number("noiseAugmentation", 0);
  request.strength = options.number("strength", 1);
  request.image_prompt_scales = readImagePromptScales(options);
  request.seed = static_cast<uint64_t>(options.integer("seed"));
  request.reference_noise = options.number("referenceNoise");
  request.reference_noise_mode = options.oneOf("referenceNoiseMode", kNoiseModes);
  request.sample_reference_latents = options.oneOf("referenceLatents", kAreSampled);
  request.controls = readControls(options);
  request.structure = options.integer("structure");
  request.keyframes = readKeyframes(options);
  request.keyframe_scale = options.number("keyframeScale");
  request.conditioning_scale = options.number("conditioningScale", 1);
  if (options.has("temporalGuidance")) request.temporal_guidance = options.number("temporalGuidance");
  request.vae_tiling = options.boolean("vaeTiling");
  request.preview = options.boolean("preview");
  request.save_latents = options.text("saveLatents", "");
  for (const std::string& name : options.unasked()) options.fail(name.c_str(), "nothing reads it");
  return request;
}

}  // namespace cameo::pipeline
