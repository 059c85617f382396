#include "families/dynamicrafter/dynamicrafter.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"
#include "families/clip_prompts.h"
#include "families/dynamicrafter/dynamicrafter_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/centre_crop.h"
#include "pipeline/clip_pixels.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"
#include "pipeline/start.h"

namespace cameo::families {

namespace {

using pipeline::PromptTokens, pipeline::RgbImage, pipeline::SampleRequest;

/// Where there are so many tokens for each frame, a frame reads its own; else each reads all.
constexpr int64_t kTokensPerFrame = 16;

/// As OpenCLIP has them: what follows the text's end is 0, and no token.
at::Tensor paddedWithZeros(const at::Tensor& chunk) {
  at::Tensor ids = chunk.clone();
  const int64_t end = ids[0][-1].item<int64_t>();
  const int64_t length = ids[0].eq(end).to(at::kLong).argmax().item<int64_t>() + 1;
  ids.slice(1, length).zero_();
  return ids;
}

/// Tokens of a grey picture and of this one, (2, T, D), recorded.
at::Tensor encodePictureTokens(const DynamiCrafter& model, const RgbImage& image,
                               pipeline::Recorder& recorder) {
  const int64_t size = model.image_encoder->config().image_size;
  const at::Tensor pixels =
      at::cat({pipeline::greyClipPixels(size), pipeline::squashedClipPixels(image, size)});
  at::Tensor states;
  {
    const pipeline::DeviceVisit visit(model.image_encoder->parameters(), model.device);
    states = model.image_encoder->states(pixels.to(model.device, model.dtype));
  }
  const pipeline::DeviceVisit visit(model.picture->parameters(), model.device);
  const at::Tensor tokens = model.picture->tokens(states);
  recorder.add("clip_pixels", pixels.slice(0, 1));
  recorder.add("uncond_image_embeds", tokens.slice(0, 0, 1).to(at::kFloat));
  recorder.add("image_embeds", tokens.slice(0, 1).to(at::kFloat));
  return tokens;
}

/// What each frame is shown, (1, F, C, h, w), fp32: the picture's latents; or, between two pictures, those of
/// the first at the first frame and of the last at the last one, and zeros.
at::Tensor shownFrames(const DynamiCrafter& model, const SampleRequest& request, const RgbImage& first,
                       const at::Tensor& noise, pipeline::Recorder& recorder) {
  const pipeline::DeviceVisit visit(model.vae->parameters(), model.device);
  const auto encode = [&](const RgbImage& image, int64_t frame) {
    const at::Tensor own = request.sample_reference_latents ? noise.slice(0, frame, frame + 1) : at::Tensor();
    const at::Tensor pixels = pipeline::imageToTensor(image.data.data(), image.width, image.height);
    return model.vae_codec->encode(pixels, request.vae_tiling, own).latents;
  };
  const at::Tensor begin = encode(first, 0);
  recorder.add("image_latents", begin);
  const auto& last = request.picturesOf("lastImage");
  if (last.empty()) return begin.unsqueeze(1).expand({-1, request.frames, -1, -1, -1});
  const at::Tensor end = encode(
      pipeline::centreCropByShorterSide(last.front(), request.width, request.height), request.frames - 1);
  recorder.add("last_image_latents", end);
  std::vector<at::Tensor> frames(request.frames, at::zeros_like(begin));
  frames.front() = begin;
  frames.back() = end;
  return at::stack(frames, 1);
}

}  // namespace

std::vector<pipeline::Network> DynamiCrafter::networks() const {
  return {{"text_encoder", text_encoder->parameters(), dtype},
          {"image_encoder", image_encoder->parameters(), dtype},
          {"ip_adapter", picture->parameters(), dtype},
          vae_codec->network(),
          {"unet", unet->parameters(), dtype, /*denoises=*/true}};
}

void DynamiCrafter::check(const SampleRequest& request) const {
  requirePicture(request);
  refuseOtherRequests(request, "this model makes a film of image, by the prompt; leave it out",
                      {"image", "lastImage"});
  requireOneText(request);
  const auto positions = static_cast<size_t>(text_encoder->config().positions);
  for (const auto& [name, prompt] :
       {std::pair{"prompt", &request.prompt}, {"negativePrompt", &request.negative}}) {
    checkPrompt(*text_encoder, name, *prompt);
    if (prompt->ids.size() == positions) continue;
    throw Error(ErrorCode::InvalidOption,
                c10::str(name, ": this model reads ", positions - 2,
                         " tokens and no more; shorten it, or say longPrompt: \"cut\""));
  }
  checkClipSkip(*text_encoder, request);
}

std::vector<pipeline::GuidanceScale> DynamiCrafter::guidanceScales(const SampleRequest& request) const {
  return promptGuidance(request);
}

int64_t DynamiCrafter::largestTensor(const SampleRequest& request) const {
  const int64_t stride = vae_codec->stride();
  const int64_t largest = request.frames * (request.width / stride) * (request.height / stride) *
                          unet->config().unet.block_out_channels.front();
  // What layers over time need beside those over space, as Stable Video Diffusion's do.
  return largest + largest / 4;
}

std::unique_ptr<pipeline::Denoiser> DynamiCrafter::denoiser(const SampleRequest& request,
                                                            const pipeline::Start& start,
                                                            const samplers::NoiseSchedule&,
                                                            const pipeline::OnProgress& onProgress,
                                                            pipeline::Recorder& recorder) const {
  const auto report = [&](int64_t done) { onProgress({pipeline::Phase::Encode, done, 3, {}}); };
  const auto idsOf = [&](const PromptTokens& prompt) {
    return paddedWithZeros(chunksOf(*text_encoder, prompt));
  };
  at::Tensor text = encodeTexts(*this, *text_encoder, request, idsOf, recorder);
  report(1);
  const RgbImage image =
      pipeline::centreCropByShorterSide(request.picturesOf("image").front(), request.width, request.height);
  recorder.add("image_pixels", at::tensor(image.data).view({image.height, image.width, 3}));
  at::Tensor tokens = encodePictureTokens(*this, image, recorder);
  report(2);
  DynamiCrafterSources sources;
  recorder.add("posterior_noise", start.posterior_noise.slice(0, 0, 1));
  sources.shown = shownFrames(*this, request, image, start.posterior_noise, recorder);
  report(3);
  if (guidanceScales(request).empty()) {
    text = text.slice(0, 1);
    tokens = tokens.slice(0, 1);
  }
  const bool is_by_frame = tokens.size(1) == kTokensPerFrame * request.frames;
  sources.text = is_by_frame ? text.unsqueeze(1).expand({-1, request.frames, -1, -1}) : text;
  const pipeline::DeviceVisit visit(picture->parameters(), device);
  sources.picture =
      picture->prompts(is_by_frame ? tokens.reshape({-1, kTokensPerFrame, tokens.size(2)}) : tokens);
  sources.rate = facts.rate_is_stride ? request.frame_stride : request.fps;
  return std::make_unique<DynamiCrafterDenoiser>(*this, std::move(sources));
}

}  // namespace cameo::families
