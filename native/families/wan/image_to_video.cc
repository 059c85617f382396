#include "families/wan/image_to_video.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <utility>

#include "core/error.h"
#include "families/wan/wan_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/clip_pixels.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"
#include "pipeline/resample.h"

namespace cameo::families {

namespace {

using pipeline::RgbImage, pipeline::SampleRequest;

/// Diffusers' files have it, and nothing uses it.
constexpr std::string_view kUnusedNorm = ".norm_added_q.weight";

/// Wan's denoiser that sees a film's pictures beside its latents: in a window what is known of its own.
class ImageToVideoDenoiser : public WanDenoiser {
 public:
  /// `known`: (1, T, C', h, w), fp32.
  ImageToVideoDenoiser(const Wan& model, models::WanReads texts, at::Tensor reads, at::Tensor known)
      : WanDenoiser(model, std::move(texts), std::move(reads)), known_(std::move(known)) {}

  at::Tensor input(const pipeline::FrameWindow& window) override {
    return at::cat({window.of(latents_, 1), window.of(known_, 1)}, 2).expand({count_, -1, -1, -1, -1});
  }

 private:
  at::Tensor known_;
};

/// The first picture and, where there is one, the last.
std::vector<const RgbImage*> picturesOfFilm(const SampleRequest& request) {
  std::vector<const RgbImage*> pictures;
  for (const char* option : {"image", "lastImage"}) {
    for (const RgbImage& picture : request.picturesOf(option)) pictures.push_back(&picture);
  }
  return pictures;
}

/// (3, H, W): brought to the film's size by its sides, as diffusers does it.
at::Tensor squashedPixels(const RgbImage& picture, const SampleRequest& request) {
  const RgbImage fitted = pipeline::resize(picture, pipeline::Filter::Lanczos, request.width, request.height,
                                           {0, 0, request.width, request.height});
  return pipeline::imageToTensor(fitted.data.data(), fitted.width, fitted.height)[0];
}

/// (1, T, stride + C, h, w): which frames of each latent are given, and the latents of a film that is grey
/// between them.
at::Tensor knownOf(const ImageToVideo& model, const SampleRequest& request, pipeline::Recorder& recorder) {
  const std::vector<const RgbImage*> pictures = picturesOfFilm(request);
  const bool has_last = pictures.size() > 1;
  at::Tensor film = at::zeros({request.frames, 3, request.height, request.width});
  film[0].copy_(squashedPixels(*pictures.front(), request));
  if (has_last) film[request.frames - 1].copy_(squashedPixels(*pictures.back(), request));
  const pipeline::DeviceVisit visit(model.vae->parameters(), model.device);
  const at::Tensor latents = model.vae_codec->encode(film, request.vae_tiling, {}).latents;
  recorder.addVideo("image_latents", latents.unsqueeze(0));
  const int64_t stride = model.vae_codec->timeStride();
  at::Tensor given =
      at::zeros({latents.size(0), stride, latents.size(2), latents.size(3)}, latents.options());
  given[0].fill_(1);
  if (has_last) given[latents.size(0) - 1][stride - 1].fill_(1);
  return at::cat({given, latents}, 1).unsqueeze(0);
}

/// CLIP's states of each picture, (N, tokens, D), all but its last layer's.
at::Tensor statesOfPictures(const ImageToVideo& model, const SampleRequest& request,
                            pipeline::Recorder& recorder) {
  std::vector<at::Tensor> pixels;
  for (const RgbImage* picture : picturesOfFilm(request)) {
    pixels.push_back(pipeline::clipPixels(*picture, model.image_encoder->config().image_size));
  }
  const pipeline::DeviceVisit visit(model.image_encoder->parameters(), model.device);
  const at::Tensor states =
      model.image_encoder->states(at::cat(pixels).to(model.device, model.dtype), /*skipped=*/1);
  recorder.add("image_embeds", states.to(at::kFloat));
  return states;
}

}  // namespace

void ImageToVideo::buildOwn(const weights::BaseModel& base, const weights::Component& parts) {
  const models::WanConfig& config = transformer->config();
  if (config.image_dim.has_value() != config.attends_to_image) {
    throw Error(
        ErrorCode::WeightsMismatch,
        parts.path + ": image_dim and added_kv_proj_dim go together: its config has one of them alone");
  }
  if (!config.image_dim) return;
  const weights::Component encoder = base.image_encoder(weights::Weights::Required);
  image_encoder = build<models::ClipVision>(
      models::ClipVisionConfig::read(Config(encoder.config, encoder.path)), encoder);
  const models::ClipVisionConfig& clip = image_encoder->config();
  if (clip.hidden_size != *config.image_dim) {
    throw Error(
        ErrorCode::WeightsMismatch,
        c10::str(parts.path, ": its parts don't fit together: the transformer reads ", *config.image_dim,
                 " numbers of a picture's token, the image encoder gives ", clip.hidden_size));
  }
  image_tokens = std::make_unique<models::WanImage>(config);
  encoder_layers_ = encoder.layers;
  token_layers_ =
      layersWhere(parts, [](std::string_view name) { return name.starts_with(models::kWanImage); });
}

std::vector<weights::Layer> ImageToVideo::transformerLayers(const weights::Component& parts) const {
  return layersWhere(parts, [](std::string_view name) {
    return !name.starts_with(models::kWanImage) && !name.ends_with(kUnusedNorm);
  });
}

void ImageToVideo::loadOwn(NetworkLoader& loader) {
  if (image_encoder == nullptr) return;
  // It may come without what leads from its last states to texts, which nothing here asks for.
  loader.load("image_encoder", image_encoder->parameters(), dtype, std::exchange(encoder_layers_, {}),
              [](const std::string& name) { return name == "visual_projection.weight"; });
  loader.load("image_projection", image_tokens->parameters(), dtype, std::exchange(token_layers_, {}));
}

void ImageToVideo::describeOwn() {
  Wan::describeOwn();
  description["image"] = description["imageToVideo"] = true;
  description["lastImage"] = takesPair() || image_encoder == nullptr;
  description["imageSize"] = "shape";
  description["required"] = {"image"};
}

std::vector<pipeline::Network> ImageToVideo::networks() const {
  std::vector<pipeline::Network> all = Wan::networks();
  if (image_encoder == nullptr) return all;
  all.push_back({"image_encoder", image_encoder->parameters(), dtype});
  all.push_back({"image_projection", image_tokens->parameters(), dtype});
  return all;
}

void ImageToVideo::check(const SampleRequest& request) const {
  requirePicture(request);
  refuseOtherRequests(request, "this model makes a film of image, by the prompt; leave it out",
                      {"image", "lastImage", "context"});
  const bool has_last = !request.picturesOf("lastImage").empty();
  if (takesPair() && !has_last) {
    throw Error(ErrorCode::InvalidOption,
                "lastImage is missing: this model makes a film of its first picture "
                "and its last");
  }
  if (has_last && !takesPair() && image_encoder != nullptr) {
    throw Error(ErrorCode::InvalidOption,
                "lastImage: this model makes a film of its first picture alone; leave it out");
  }
  text->check(request);
  checkPlaces(request);
}

std::unique_ptr<pipeline::Denoiser> ImageToVideo::denoiser(const SampleRequest& request,
                                                           const pipeline::Start&,
                                                           const samplers::NoiseSchedule&,
                                                           const pipeline::OnProgress& onProgress,
                                                           pipeline::Recorder& recorder) const {
  const auto report = [&](int64_t done) { onProgress({pipeline::Phase::Encode, done, 3, {}}); };
  const at::Tensor texts = text->encode(request, recorder).slice(0, guidanceScales(request).empty() ? 1 : 0);
  report(1);
  at::Tensor pictures;
  if (image_encoder != nullptr) {
    const at::Tensor states = statesOfPictures(*this, request, recorder);
    const pipeline::DeviceVisit visit(image_tokens->parameters(), device);
    pictures = image_tokens->forward(states).expand({texts.size(0), -1, -1});
  }
  report(2);
  const at::Tensor known = knownOf(*this, request, recorder);
  report(3);
  return std::make_unique<ImageToVideoDenoiser>(*this, readTexts(texts, pictures), at::arange(texts.size(0)),
                                                known);
}

}  // namespace cameo::families
