#include "families/stable_diffusion/stable_diffusion.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "families/clip_prompts.h"
#include "families/stable_diffusion/conditioning.h"
#include "families/stable_diffusion/controls.h"
#include "families/stable_diffusion/image_prompt.h"
#include "families/stable_diffusion/subjects.h"
#include "families/stable_diffusion/temporal_guidance.h"
#include "families/stable_diffusion/unet_denoiser.h"

namespace cameo::families {

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::InvalidOption, message);
}

void checkCache(const models::UNetConfig& unet, const pipeline::SampleRequest& request) {
  const int64_t layers = unet.layers_per_block.front() + 1;
  if (request.cache_interval < 1) refuse("cacheInterval: it must be 1 or more");
  if (request.cache_layers >= 1 && request.cache_layers <= layers) return;
  refuse(c10::str("cacheLayers: ", request.cache_layers, " is not allowed; it must be from 1 to ", layers,
                  ", the layers of this model's outermost block"));
}

void checkFrames(const models::UNetConfig& unet, const pipeline::SampleRequest& request) {
  const auto images = request.framesInMotion() + request.referenceCount();
  const bool fits = unet.motion ? images <= unet.motion->max_images : request.frames == 1 && images == 1;
  if (request.frames >= 1 && fits) return;
  refuse(c10::str("frames: ", request.framesInMotion(), " frames at a time and ", request.referenceCount(),
                  " references are not allowed; this model takes ",
                  unet.motion ? c10::str("1 to ", unet.motion->max_images, " images in all")
                              : std::string("one frame (it has no motion modules)")));
}

/// Whether only the first frame of a film, the last one or both are given.
bool isInTime(const pipeline::SampleRequest& request) {
  const bool some = !request.picturesOf("image").empty() || !request.picturesOf("lastImage").empty();
  return some && request.frames > 1 && request.picturesOf("mask").empty();
}

}  // namespace

std::vector<pipeline::Network> StableDiffusion::networks() const {
  std::vector<pipeline::Network> networks = {{"text_encoder", text_encoder->parameters(), dtype}};
  if (ip_adapter) {
    networks.push_back({"image_encoder", image_encoder->parameters(), dtype});
    networks.push_back({"ip_adapter", ip_adapter->parameters(), dtype});
  }
  networks.push_back(vae_codec->network());
  networks.push_back({"unet", unet->parameters(), dtype, /*denoises=*/true});
  for (size_t i = 0; i < controls.size(); ++i) {
    networks.push_back({c10::str("control.", i), controls[i]->parameters(), dtype, /*denoises=*/true});
  }
  return networks;
}

void StableDiffusion::checkCommon(const pipeline::SampleRequest& request) const {
  checkPrompts(*this, request);
  checkClipSkip(*text_encoder, request);
  if (has_subject == (request.referenceCount() == 0)) {
    refuse(has_subject ? "reference: this pipeline has a subject model; give it a picture"
                       : "reference: this pipeline has no subject model; load one with `subject`");
  }
  checkImagePrompt(*this, request);
  checkCache(unet->config(), request);
  checkFrames(unet->config(), request);
  checkControls(*this, request);
}

void StableDiffusion::check(const pipeline::SampleRequest& request) const {
  checkCommon(request);
  const pipeline::FilmUse use = useOfFilm(request);
  if (request.strength == 1 || (use.starts_from && !isInTime(request))) return;
  refuse("strength: it is how far a film or a picture is left that all frames start from; leave it out");
}

pipeline::FilmUse StableDiffusion::useOfFilm(const pipeline::SampleRequest& request) const {
  const auto has = [&](const char* name) { return !request.picturesOf(name).empty(); };
  if (!has("video") && !has("image") && !has("lastImage")) return {};
  const bool holds = has("mask") || isInTime(request);
  return {
      .starts_from = !holds || request.strength < 1, .holds_to = holds, .image_in_every_frame = has("mask")};
}

std::vector<double> StableDiffusion::conditionScales(const pipeline::SampleRequest& request) const {
  const bool guided = request.guidance_scale > 1 && request.guidance_range.from < request.guidance_range.to;
  return guided ? std::vector<double>{request.guidance_scale} : std::vector<double>{};
}

std::vector<pipeline::GuidanceScale> StableDiffusion::guidanceScales(
    const pipeline::SampleRequest& request) const {
  const std::vector<double> conditions = conditionScales(request);
  std::vector<pipeline::GuidanceScale> scales(conditions.begin(), conditions.end());
  if (request.temporal_guidance) scales.insert(scales.begin(), *request.temporal_guidance);
  return scales;
}

std::unique_ptr<pipeline::Denoiser> StableDiffusion::denoiserOf(const pipeline::SampleRequest& request,
                                                                Conditions conditions,
                                                                const samplers::NoiseSchedule& schedule,
                                                                pipeline::Recorder& recorder) const {
  if (request.temporal_guidance) addFramesApart(conditions);
  addImagePrompt(conditions, *this, request, recorder);
  addControls(*this, request, conditions, recorder);
  addSubjects(conditions, *this, request, recorder);
  return std::make_unique<UNetDenoiser>(*this, request, std::move(conditions), schedule);
}

int64_t StableDiffusion::largestTensor(const pipeline::SampleRequest& request) const {
  const auto images = request.framesAtOnce() + request.referenceCount();
  const int64_t stride = vae_codec->stride();
  const auto& channels = unet->config().block_out_channels;
  const int64_t texts = request.prompt_frames.size() == 1 ? 1 : images;
  const auto text = texts * static_cast<int64_t>(request.negative.ids.size()) * channels.back();
  const int64_t largest = images * (request.width / stride) * (request.height / stride) * channels.front();
  // What ControlNets add is kept beside the UNet's own: a third of what that needs.
  return std::max(text, controls.empty() ? largest : largest + (largest + 2) / 3);
}

std::unique_ptr<pipeline::Denoiser> StableDiffusion::denoiser(const pipeline::SampleRequest& request,
                                                              const pipeline::Start&,
                                                              const samplers::NoiseSchedule& schedule,
                                                              const pipeline::OnProgress& onProgress,
                                                              pipeline::Recorder& recorder) const {
  const int64_t steps = 1 + request.referenceCount();
  int64_t done = 0;
  const auto advance = [&] { onProgress({pipeline::Phase::Encode, ++done, steps, {}}); };
  const at::Tensor both = encodePrompts(*this, request, recorder);
  Conditions conditions;
  const bool guided = !conditionScales(request).empty();
  conditions.text = guided ? both : both.slice(0, 1);
  conditions.unconditional = guided ? 1 : 0;
  advance();
  if (request.referenceCount() > 0) {
    conditions.references = encodeReferences(*this, request, advance, recorder).latents;
  }
  return denoiserOf(request, std::move(conditions), schedule, recorder);
}

}  // namespace cameo::families
