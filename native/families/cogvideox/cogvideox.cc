#include "families/cogvideox/cogvideox.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include "core/error.h"
#include "families/cogvideox/film_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"
#include "pipeline/start.h"

namespace cameo::families {

namespace {

using pipeline::RgbImage, pipeline::SampleRequest;

[[noreturn]] void refuseForText(const std::string& option, const std::string& why) {
  throw Error(ErrorCode::InvalidOption, option + ": " + why);
}

void checkPatches(const CogVideoX& model, const SampleRequest& request) {
  const int64_t pixels = model.vae_codec->stride() * model.transformer->config().patch.side;
  if (request.width % pixels == 0 && request.height % pixels == 0) return;
  refuseForText("width, height", c10::str(request.width, "x", request.height,
                                          " is not allowed; both must be multiples of ", pixels));
}

/// Places that were learned are those of one size; those of 1.5 end where the config says.
void checkPlaces(const CogVideoX& model, const SampleRequest& request) {
  const models::CogVideoXConfig& config = model.transformer->config();
  const int64_t width = model.vae_codec->stride() * config.sample_width,
                height = model.vae_codec->stride() * config.sample_height;
  const auto refuse = [&](const std::string& allowed) {
    refuseForText("width, height",
                  c10::str(request.width, "x", request.height, " is not allowed; ", allowed));
  };
  if (config.learned_positions && (request.width != width || request.height != height)) {
    refuse(c10::str("this model has learned ", width, "x", height, " alone"));
  }
  if (config.patches_over_time && (request.width > width || request.height > height)) {
    refuse(c10::str("this model has places for at most ", width, "x", height));
  }
}

}  // namespace

std::vector<pipeline::Network> CogVideoX::networks() const {
  std::vector<pipeline::Network> all;
  if (text != nullptr) all.push_back(text->network());
  all.push_back(vae_codec->network());
  all.push_back({"transformer", transformer->parameters(), dtype, /*denoises=*/true});
  return all;
}

void CogVideoX::check(const SampleRequest& request) const {
  refuseOtherRequests(request,
                      c10::str("this model makes a film of a text",
                               takesImage() ? " and its first picture" : "", "; leave it out"),
                      takesImage() ? std::set<std::string>{"image"} : std::set<std::string>{});
  text->check(request);
  if (takesImage()) requirePicture(request);
  checkPatches(*this, request);
  checkPlaces(*this, request);
}

std::vector<pipeline::GuidanceScale> CogVideoX::guidanceScales(const SampleRequest& request) const {
  return promptGuidance(request);
}

int64_t CogVideoX::leadingLatents(const SampleRequest& request) const {
  const int64_t own = vae_codec->latentFrames(request.frames), together = transformer->config().patch.frames;
  return (together - own % together) % together;
}

double CogVideoX::imageLatentFactor() const {
  const models::CausalVaeConfig& config = vae->config();
  return config.invert_scale_latents ? 1 / (config.scaling_factor * config.scaling_factor) : 1;
}

int64_t CogVideoX::latentsOf(const SampleRequest& request) const {
  return leadingLatents(request) + vae_codec->latentFrames(request.frames);
}

int64_t CogVideoX::largestTensor(const SampleRequest& request) const {
  const models::CogVideoXConfig& config = transformer->config();
  const int64_t stride = vae_codec->stride();
  const models::TokenGrid grid =
      models::tokenGrid(config.patch, latentsOf(request), request.height / stride, request.width / stride);
  return (config.text_tokens + grid.tokens()) * config.dim();
}

namespace {

/// The picture's latents as the first of the film, and zeros.
at::Tensor imageLatents(const CogVideoX& model, const SampleRequest& request, const pipeline::Start& start,
                        pipeline::Recorder& recorder) {
  const pipeline::DeviceVisit visit(model.vae->parameters(), model.device);
  const RgbImage& image = request.picturesOf("image").front();
  const at::Tensor pixels = pipeline::imageToTensor(image.data.data(), image.width, image.height);
  const at::Tensor latents =
      model.vae_codec->encode(pixels, request.vae_tiling, start.image_latent_noise).latents;
  const at::Tensor film = at::zeros_like(start.noise);
  film.narrow(1, 0, 1).copy_(latents.unsqueeze(0) * model.imageLatentFactor());
  recorder.add("image_latents", film);
  return film;
}

}  // namespace

std::unique_ptr<pipeline::Denoiser> CogVideoX::denoiser(const SampleRequest& request,
                                                        const pipeline::Start& start,
                                                        const samplers::NoiseSchedule&,
                                                        const pipeline::OnProgress& onProgress,
                                                        pipeline::Recorder& recorder) const {
  const int64_t steps = takesImage() ? 2 : 1;
  CogVideoXConditions conditions;
  const bool guided = !guidanceScales(request).empty();
  conditions.text = text->encode(request, recorder).slice(0, guided ? 0 : 1);
  onProgress({pipeline::Phase::Encode, 1, steps, {}});
  if (takesImage()) {
    conditions.image = imageLatents(*this, request, start, recorder);
    onProgress({pipeline::Phase::Encode, 2, 2, {}});
  }
  return std::make_unique<CogVideoXDenoiser>(*this, std::move(conditions));
}

}  // namespace cameo::families
