#include "families/i2vgen_xl/i2vgen_xl.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "families/clip_prompts.h"
#include "families/i2vgen_xl/i2vgen_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/centre_crop.h"
#include "pipeline/clip_pixels.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"
#include "pipeline/resample.h"
#include "pipeline/start.h"

namespace cameo::families {

namespace {

using pipeline::PromptTokens, pipeline::RgbImage, pipeline::SampleRequest;

/// What CLIP says of the picture's middle, (1, 1, D).
at::Tensor embedPicture(const I2VGenXl& model, const SampleRequest& request) {
  const int64_t size = model.image_encoder->config().image_size;
  const RgbImage square =
      pipeline::centreCrop(request.picturesOf("image").front(), request.width, request.width);
  const RgbImage small = pipeline::resize(square, pipeline::Filter::Bilinear, size, size, {0, 0, size, size});
  const pipeline::DeviceVisit visit(model.image_encoder->parameters(), model.device);
  return model.image_encoder->embed(pipeline::clipPixelsOfSquare(small).to(model.device, model.dtype))
      .unsqueeze(1);
}

/// What each frame is shown of the picture: the first its latents, every other one how far it is from there,
/// (F, C, h, w), fp32.
at::Tensor shownLatents(const I2VGenXl& model, const SampleRequest& request) {
  const RgbImage picture =
      pipeline::centreCrop(request.picturesOf("image").front(), request.width, request.height);
  const pipeline::DeviceVisit visit(model.vae->parameters(), model.device);
  const at::Tensor pixels = pipeline::imageToTensor(picture.data.data(), picture.width, picture.height);
  const at::Tensor first = model.vae_codec->encode(pixels, request.vae_tiling, {}).latents;
  std::vector<at::Tensor> frames = {first};
  for (int64_t i = 1; i < request.frames; ++i) {
    const double way = static_cast<double>(i) / static_cast<double>(request.frames - 1);
    frames.push_back(at::full_like(first, way));
  }
  return at::cat(frames);
}

}  // namespace

std::vector<pipeline::Network> I2VGenXl::networks() const {
  return {{"text_encoder", text_encoder->parameters(), dtype},
          {"image_encoder", image_encoder->parameters(), dtype},
          vae_codec->network(),
          {"unet", unet->parameters(), dtype, /*denoises=*/true}};
}

void I2VGenXl::check(const SampleRequest& request) const {
  requirePicture(request);
  refuseOtherRequests(request, "this model makes a film of image, by the prompt; leave it out", {"image"});
  requireOneText(request);
  checkPrompt(*text_encoder, "prompt", request.prompt);
  checkPrompt(*text_encoder, "negativePrompt", request.negative);
  if (request.prompt.ids.size() != request.negative.ids.size()) {
    throw Error(ErrorCode::InvalidOption, "negativePrompt: it must have as many chunks as the prompt");
  }
  checkClipSkip(*text_encoder, request);
}

std::vector<pipeline::GuidanceScale> I2VGenXl::guidanceScales(const SampleRequest& request) const {
  return promptGuidance(request);
}

int64_t I2VGenXl::largestTensor(const SampleRequest& request) const {
  const int64_t stride = vae_codec->stride();
  const int64_t largest = request.frames * (request.width / stride) * (request.height / stride) *
                          unet->config().blocks.unet.block_out_channels.front();
  // What layers over time need beside those over space, as Stable Video Diffusion's do.
  return largest + largest / 4;
}

std::unique_ptr<pipeline::Denoiser> I2VGenXl::denoiser(const SampleRequest& request, const pipeline::Start&,
                                                       const samplers::NoiseSchedule&,
                                                       const pipeline::OnProgress& onProgress,
                                                       pipeline::Recorder& recorder) const {
  const auto report = [&](int64_t done) { onProgress({pipeline::Phase::Encode, done, 3, {}}); };
  I2VGenSources sources;
  sources.fps = request.fps;
  const auto idsOf = [&](const PromptTokens& prompt) { return chunksOf(*text_encoder, prompt); };
  sources.text = encodeTexts(*this, *text_encoder, request, idsOf, recorder);
  report(1);
  sources.embeds = embedPicture(*this, request);
  recorder.add("image_embeds", sources.embeds.to(at::kFloat));
  report(2);
  const at::Tensor shown = shownLatents(*this, request);
  recorder.addVideo("image_latents", shown.unsqueeze(0));
  report(3);
  sources.latents = shown.to(dtype);
  sources.embeds = at::cat({at::zeros_like(sources.embeds), sources.embeds});
  if (guidanceScales(request).empty()) {
    sources.text = sources.text.slice(0, 1);
    sources.embeds = sources.embeds.slice(0, 1);
  }
  return std::make_unique<I2VGenDenoiser>(*this, sources);
}

}  // namespace cameo::families
