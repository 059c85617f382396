#include "pipeline/memory_plan.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "core/config.h"
#include "families/families.h"
#include "families/stable_diffusion/unet_denoiser.h"
#include "harness.h"
#include "pipeline/device_visit.h"
#include "pipeline/guidance.h"

namespace cameo::test {

namespace {

at::Tensor number(double value) {
  return at::full({1}, value);
}

std::unique_ptr<families::StableDiffusion> load(const Json& config) {
  pipeline::LoadOptions options;
  options.base = config.at("base");
  options.motion = config.at("motion");
  options.subject = {config.at("subject")};
  if (config.contains("lora")) options.lora = {{config["lora"].get<std::string>()}};
  options.device = "cpu";
  options.dtype = "fp32";
  return families::loadStableDiffusion<>(weights::openBaseModel(options.base), options, [](const auto&) {},
                                         {});
}

pipeline::SampleRequest requestOf(const Json& config) {
  auto request = pipeline::SampleRequest::read(Config::options(config.at("request")));
  request.pictures["reference"].resize(1);
  return request;
}

/// The plan for `maxMemory` bytes beyond the weights.
Tensors memoryPlan(const Json& config, const Tensors&) {
  const auto pipeline = load(config);
  const int64_t parameters = pipeline->text_encoder->parameters().numel() +
                             pipeline->vae->parameters().numel() + pipeline->unet->parameters().numel();
  if (config.contains("maxMemory")) {
    pipeline->max_memory = 4 * parameters + config["maxMemory"].get<int64_t>();
  }
  const auto plan = pipeline::planMemory(*pipeline, requestOf(config));
  return {{"halves_apart", number(plan.branches_apart)}, {"tiled", number(plan.tiled)}};
}

/// How many frames of a film are decoded together within `maxMemory` bytes beyond the weights.
Tensors decodedTogether(const Json& config, const Tensors&) {
  pipeline::LoadOptions options;
  options.base = config.at("base");
  options.device = "cpu";
  options.dtype = "fp32";
  const auto pipeline = families::loadPipeline(options, [](const auto&) {}, {});
  pipeline->max_memory = pipeline->bytes() + config.at("maxMemory").get<int64_t>();
  const auto request = pipeline::SampleRequest::read(Config::options(config.at("request")));
  const auto plan = pipeline::planMemory(*pipeline, request);
  return {{"together", number(static_cast<double>(plan.decoded_together))}, {"tiled", number(plan.tiled)}};
}

/// What the VAE makes of a picture within `maxMemory` bytes beyond the weights.
Tensors reconstruct(const Json& config, const Tensors&) {
  const auto pipeline = load(config);
  if (config.contains("maxMemory")) {
    pipeline->max_memory = pipeline->bytes() + config["maxMemory"].get<int64_t>();
  }
  const int64_t side = config.at("size");
  std::vector<uint8_t> pixels(3 * side * side);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i % 251);
  return {{"picture", at::tensor(pipeline::reconstruct(*pipeline, {pixels, side, side}).data, at::kByte)}};
}

/// Three predictions with guidance's halves one after the other, and together; features are kept for the
/// second of them.
Tensors halvesApart(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const auto pipeline = load(config);
  const samplers::NoiseSchedule schedule(pipeline->schedule());
  const pipeline::SampleRequest request = requestOf(config);
  const int64_t side = request.width / pipeline->vae->config().scale();
  const int64_t width = pipeline->text_encoder->config().hidden_size;
  const at::Tensor text = at::randn({2, 7, width}), references = at::randn({1, 1, 4, side, side});
  const at::Tensor latents = at::randn({1, request.frames, 4, side, side});
  Tensors results;
  for (const bool apart : {false, true}) {
    families::UNetDenoiser denoiser(*pipeline, request, {.text = text, .references = references}, schedule);
    const pipeline::Guidance guidance{.scales = {request.guidance_scale}, .branches_apart = apart};
    std::vector<at::Tensor> predictions;
    for (int step = 0; step < 3; ++step) {
      predictions.push_back(pipeline::predict(denoiser, guidance, latents, {900.0 - 300 * step, step, 3},
                                              [](const pipeline::Evaluation&) {}));
    }
    results[apart ? "apart" : "together"] = at::stack(predictions);
  }
  return results;
}

/// 1 where a network's weights are on another device during a visit, and where they were after it.
Tensors deviceVisit(const Json&, const Tensors&) {
  ParameterSet parameters;
  Parameter& weight = Scope(parameters).parameter("weight", {3});
  const at::Tensor home = weight.value = at::ones({3});
  bool was_away = false;
  {
    const pipeline::DeviceVisit visit(parameters, at::kMeta);
    was_away = weight->is_meta();
  }
  return {{"away", number(was_away)}, {"back", number(weight.value.is_same(home))}};
}

}  // namespace

const bool kMemoryPlanRegistered = addProbe("pipeline.memory_plan", memoryPlan);
const bool kDecodedTogetherRegistered = addProbe("pipeline.decoded_together", decodedTogether);
const bool kReconstructRegistered = addProbe("pipeline.reconstruct", reconstruct);
const bool kHalvesApartRegistered = addProbe("pipeline.halves_apart", halvesApart);
const bool kDeviceVisitRegistered = addProbe("pipeline.device_visit", deviceVisit);

}  // namespace cameo::test
