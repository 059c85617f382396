#include "train/objectives/edm.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "core/rng.h"
#include "pipeline/clip_pixels.h"

namespace cameo::train {

Losses computeEdmLosses(const models::VideoUNet& unet, const EdmBatch& batch, bool recompute) {
  const at::Tensor sigmas = batch.sigmas.view({-1, 1, 1, 1, 1});
  const at::Tensor variance = sigmas.square() + 1;
  const at::Tensor noisy = batch.latents + sigmas * batch.noise;
  const at::Tensor picture = batch.picture_latents.unsqueeze(1).expand_as(batch.latents);
  const at::Tensor output =
      unet.forward({.images = at::cat({noisy / variance.sqrt(), picture}, 2).to(batch.picture.scalar_type()),
                    .timesteps = batch.sigmas.log() / 4,
                    .time_ids = batch.time_ids,
                    .picture = batch.picture,
                    .recompute = recompute})
          .to(at::kFloat);
  const at::Tensor clean = noisy / variance - output * (sigmas / variance.sqrt());
  const at::Tensor video = ((clean - batch.latents).square() * (variance / sigmas.square())).mean();
  return {.total = video, .parts = {{"lossVideo", video}}};
}

EdmObjective::EdmObjective(const nlohmann::json& recipe, families::StableVideoDiffusion& pipeline)
    : pipeline_(pipeline),
      patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      seed_(recipe.at("seed")),
      drop_condition_(recipe.at("objective").at("dropCondition")),
      noise_(LogNormal::read(recipe.at("objective").at("logSigma"))),
      augmentation_(LogNormal::read(recipe.at("objective").at("logAugmentation"))),
      rate_(recipe.at("objective").at("fps")),
      motion_bucket_(recipe.at("objective").at("motionBucket")),
      recompute_(recipe.at("gradientCheckpointing")) {}

std::vector<TrainedNetwork> EdmObjective::networks() const {
  return {{"unet", pipeline_.unet->parameters(), patterns_}};
}

Losses EdmObjective::losses(const MicroBatch& samples, const Caption& /*empty*/) const {
  std::vector<Draws> draws;
  for (const Sample& sample : samples) draws.push_back(drawSample(sample));
  const auto batchOf = [&](at::Tensor Draws::*part) { return stacked(draws, part).to(pipeline_.device); };
  return computeEdmLosses(*pipeline_.unet,
                          {.latents = batchOf(&Draws::latents),
                           .noise = batchOf(&Draws::noise),
                           .sigmas = batchOf(&Draws::sigma),
                           .picture = batchOf(&Draws::picture),
                           .picture_latents = batchOf(&Draws::picture_latents),
                           .time_ids = batchOf(&Draws::time_ids)},
                          recompute_);
}

EdmObjective::Draws EdmObjective::drawSample(const Sample& sample) const {
  Draws draws;
  static_cast<FilmDraws&>(draws) = drawFilm(*pipeline_.vae_codec, seed_, drop_condition_, sample);
  draws.sigma = at::scalar_tensor(noise_.draw(draws.generator), at::kFloat);
  draws.noise = drawNormal(draws.latents.sizes(), draws.generator);
  drawPicture(sample, draws);
  return draws;
}

/// What the UNet is shown of the first frame, and told.
void EdmObjective::drawPicture(const Sample& sample, Draws& draws) const {
  const c10::AutoGradMode no_gradients(false);
  const double augmentation = augmentation_.draw(draws.generator);
  const at::Tensor first = draws.pixels.narrow(0, 0, 1);
  const at::Tensor noisy = first + augmentation * drawNormal(first.sizes(), draws.generator);
  draws.picture_latents =
      pipeline_.vae->unscaled(pipeline_.vae_codec->encode(noisy, /*tiled=*/false, {}).latents).squeeze(0);
  const auto bytes = static_cast<std::ptrdiff_t>(3 * sample.width * sample.height);
  const pipeline::RgbImage image{.data = {sample.rgb.begin(), sample.rgb.begin() + bytes},
                                 .width = sample.width,
                                 .height = sample.height};
  const at::Tensor pixels = pipeline::squashedClipPixels(image, pipeline_.image_encoder->config().image_size);
  draws.picture = pipeline_.image_encoder->embed(pixels.to(pipeline_.device, pipeline_.dtype));
  if (draws.is_dropped) {
    draws.picture = at::zeros_like(draws.picture);
    draws.picture_latents = at::zeros_like(draws.picture_latents);
  }
  // The network was told one less than the rate.
  draws.time_ids =
      at::tensor({rate_ - 1, sample.motion_bucket.value_or(motion_bucket_), augmentation}, at::kFloat);
}

std::vector<Export> EdmObjective::exports() const {
  return denoiserExports("unet", pipeline_.unet->parameters());
}

}  // namespace cameo::train
