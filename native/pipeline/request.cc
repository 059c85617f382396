#include "pipeline/request.h"

#include <c10/util/StringUtil.h>

#include <map>

#include "core/config.h"

namespace cameo::pipeline {

namespace {

constexpr size_t kMostSubjectFiles = 64;

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
  return {.base = options.text("base"),
          .motion = options.text("motion", ""),
          .subject = options.texts("subject", {}, kMostSubjectFiles),
          .draw_missing = optionalCount(options, "drawMissing"),
          .device = options.text("device"),
          .dtype = options.text("dtype"),
          .plain_kernels = options.oneOf("kernels", kArePlain),
          .max_memory = optionalCount(options, "maxMemory")};
}

SampleRequest SampleRequest::read(const Config& options) {
  SampleRequest request{.frames = options.integer("frames"),
                        .width = options.integer("width"),
                        .height = options.integer("height"),
                        .steps = options.integer("steps"),
                        .guidance_scale = options.number("guidanceScale"),
                        .guidance_range = readRange(options, "guidanceRange"),
                        .cache_interval = options.integer("cacheInterval"),
                        .cache_layers = options.integer("cacheLayers"),
                        .token_merging = options.number("tokenMerging"),
                        .clip_skip = options.integer("clipSkip"),
                        .sampler = readSampler(options),
                        .guidance_rescale = options.number("guidanceRescale"),
                        .image_guidance_scale = options.number("imageGuidanceScale"),
                        .seed = static_cast<uint64_t>(options.integer("seed")),
                        .reference_noise = options.number("referenceNoise"),
                        .reference_noise_mode = options.oneOf("referenceNoiseMode", kNoiseModes),
                        .sample_reference_latents = options.oneOf("referenceLatents", kAreSampled),
                        .vae_tiling = options.boolean("vaeTiling"),
                        .preview = options.boolean("preview"),
                        .save_latents = options.text("saveLatents", "")};
  for (const std::string& name : options.unasked()) options.fail(name.c_str(), "nothing reads it");
  return request;
}

}  // namespace cameo::pipeline
