#include "families/stable_video_diffusion/stable_video_diffusion.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "families/stable_video_diffusion/video_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/clip_pixels.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"
#include "pipeline/resample.h"
#include "pipeline/start.h"

namespace cameo::families {

namespace {

using pipeline::RgbImage, pipeline::SampleRequest;

/// The network learned its times from the noise itself (arXiv 2206.00364, table 1).
void requireContinuousTimes(const pipeline::Pipeline& model, const SampleRequest& request) {
  const auto sampler =
      samplers::makeSampler(request.sampler, model.scheduler, request.steps, model.scheduler_path);
  const samplers::Level first = sampler->level(0);
  const double wanted = std::log(first.noise / first.signal) / 4;
  if (sampler->parameterization().prediction == samplers::Prediction::VPrediction &&
      std::abs(first.time - wanted) < 1e-3) {
    return;
  }
  throw Error(ErrorCode::InvalidOption,
              "scheduler: this model predicts v at continuous timesteps, which \"euler\" with its own config "
              "takes; leave the scheduler's options out");
}

/// The picture at the request's size, squashed by Pillow's filter, (1, 3, H, W) in -1..1.
at::Tensor pixelsOf(const RgbImage& image, const SampleRequest& request) {
  const RgbImage resized = pipeline::resize(image, pipeline::Filter::Lanczos, request.width, request.height,
                                            {0, 0, request.width, request.height});
  return pipeline::imageToTensor(resized.data.data(), resized.width, resized.height);
}

}  // namespace

std::vector<pipeline::Network> StableVideoDiffusion::networks() const {
  return {{"image_encoder", image_encoder->parameters(), dtype},
          vae_codec->network(),
          {"unet", unet->parameters(), dtype, /*denoises=*/true}};
}

void StableVideoDiffusion::check(const SampleRequest& request) const {
  requirePicture(request);
  refuseOtherRequests(request, "this model makes a film of image alone; leave it out", {"image"});
  requireContinuousTimes(*this, request);
}

std::vector<pipeline::GuidanceScale> StableVideoDiffusion::guidanceScales(
    const SampleRequest& request) const {
  const double first = request.min_guidance_scale, last = request.guidance_scale;
  const bool guided = std::max(first, last) > 1 && request.guidance_range.from < request.guidance_range.to;
  if (!guided) return {};
  return {{first, last}};
}

int64_t StableVideoDiffusion::largestTensor(const SampleRequest& request) const {
  const int64_t stride = vae_codec->stride();
  const int64_t largest = request.frames * (request.width / stride) * (request.height / stride) *
                          unet->config().unet.block_out_channels.front();
  // What layers over time need beside those over space: measured, a fifth.
  return largest + largest / 4;
}

std::unique_ptr<pipeline::Denoiser> StableVideoDiffusion::denoiser(const SampleRequest& request,
                                                                   const pipeline::Start& start,
                                                                   const samplers::NoiseSchedule&,
                                                                   const pipeline::OnProgress& onProgress,
                                                                   pipeline::Recorder& recorder) const {
  const RgbImage& image = request.picturesOf("image").front();
  VideoConditions conditions;
  {
    const pipeline::DeviceVisit visit(image_encoder->parameters(), device);
    const at::Tensor pixels = pipeline::squashedClipPixels(image, image_encoder->config().image_size);
    recorder.add("clip_pixels", pixels);
    conditions.picture = image_encoder->embed(pixels.to(device, dtype)).unsqueeze(1);
    recorder.add("image_embeds", conditions.picture.to(at::kFloat));
    onProgress({pipeline::Phase::Encode, 1, 2, {}});
  }
  {
    const pipeline::DeviceVisit visit(vae->parameters(), device);
    const at::Tensor noisy = pixelsOf(image, request).add_(start.image_noise, request.noise_augmentation);
    conditions.latents = vae->unscaled(vae_codec->encode(noisy, request.vae_tiling, {}).latents);
    recorder.add("image_latents", conditions.latents);
    onProgress({pipeline::Phase::Encode, 2, 2, {}});
  }
  // The network was told one less than the rate.
  conditions.time_ids =
      at::tensor({request.fps - 1, request.motion_bucket, request.noise_augmentation}, at::kFloat)
          .unsqueeze(0)
          .to(device);
  recorder.add("added_time_ids", conditions.time_ids);
  conditions.guided = !guidanceScales(request).empty();
  return std::make_unique<VideoDenoiser>(*this, std::move(conditions));
}

}  // namespace cameo::families
