#include "train/objectives/velocity.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include "core/error.h"
#include "core/rng.h"
#include "train/captions.h"
#include "train/timestep_shift.h"

namespace cameo::train {

namespace {

/// Films whose latents are whole patches over time, as no others were trained on.
void requireWholePatches(const families::CogVideoX& model, int64_t frames) {
  const int64_t stride = model.vae_codec->timeStride(), together = model.transformer->config().patch.frames;
  requireFrames(frames, /*fewest=*/1 + stride * (together - 1), /*step=*/stride * together);
}

/// Places that were learned are those of one size.
void requireLearnedSizes(const families::CogVideoX& model, const nlohmann::json& sizes) {
  const models::CogVideoXConfig& config = model.transformer->config();
  const int64_t stride = model.vae_codec->stride(), width = stride * config.sample_width,
                height = stride * config.sample_height;
  for (const auto& size : sizes) {
    const int64_t wide = size.at(0), tall = size.at(1);
    const bool fits = config.learned_positions
                          ? wide == width && tall == height
                          : !config.patches_over_time || (wide <= width && tall <= height);
    if (fits) continue;
    throw Error(ErrorCode::InvalidOption,
                c10::str("data.size: ", wide, "x", tall, " is not allowed; this model has places for ",
                         config.learned_positions ? "" : "at most ", width, "x", height));
  }
}

}  // namespace

void requireTrainedPlaces(const families::CogVideoX& model, const nlohmann::json& data) {
  requireWholePatches(model, data.at("frames"));
  requireLearnedSizes(model, data.at("size"));
}

Losses computeVelocityLosses(const models::CogVideoX& transformer, const samplers::NoiseSchedule& schedule,
                             const VelocityBatch& batch, bool recompute) {
  const at::Tensor alpha = schedule.alphaCumprod(batch.timesteps).view({-1, 1, 1, 1, 1});
  const at::Tensor noisy = samplers::addNoise(batch.latents, batch.noise, alpha);
  const at::Tensor shown = batch.image.defined() ? at::cat({noisy, batch.image}, 2) : noisy;
  const at::Tensor output = transformer.forward({.latents = shown.to(batch.text.scalar_type()),
                                                 .timesteps = batch.timesteps,
                                                 .text = batch.text,
                                                 .offset = families::CogVideoX::kOffset,
                                                 .recompute = recompute});
  const at::Tensor velocity = alpha.sqrt() * batch.noise - (1 - alpha).sqrt() * batch.latents;
  const at::Tensor video = (output.to(at::kFloat) - velocity).square().mean();
  return {.total = video, .parts = {{"lossVideo", video}}};
}

VelocityObjective::VelocityObjective(const nlohmann::json& recipe, families::CogVideoX& pipeline)
    : pipeline_(pipeline),
      schedule_(pipeline.schedule()),
      patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      seed_(recipe.at("seed")),
      drop_condition_(recipe.at("objective").at("dropCondition")),
      timestep_shift_(recipe.at("objective").at("timestepShift")),
      augmentation_(LogNormal::read(recipe.at("objective").at("logAugmentation"))),
      recompute_(recipe.at("gradientCheckpointing")) {
  requireTrainedPlaces(pipeline, recipe.at("data"));
}

std::vector<TrainedNetwork> VelocityObjective::networks() const {
  return {{"transformer", pipeline_.transformer->parameters(), patterns_}};
}

Losses VelocityObjective::losses(const MicroBatch& samples, const Caption& empty) const {
  std::vector<Draws> draws;
  std::vector<const Caption*> captions;
  for (const Sample& sample : samples) {
    draws.push_back(drawSample(sample));
    captions.push_back(draws.back().is_dropped ? &empty : &sample.caption);
  }
  const auto batchOf = [&](at::Tensor Draws::*part) { return stacked(draws, part).to(pipeline_.device); };
  return computeVelocityLosses(*pipeline_.transformer, schedule_,
                               {.latents = batchOf(&Draws::latents),
                                .noise = batchOf(&Draws::noise),
                                .timesteps = batchOf(&Draws::timestep),
                                .text = captionStates(*pipeline_.text, captions),
                                .image = pipeline_.takesImage() ? batchOf(&Draws::image) : at::Tensor()},
                               recompute_);
}

VelocityObjective::Draws VelocityObjective::drawSample(const Sample& sample) const {
  Draws draws;
  static_cast<FilmDraws&>(draws) = drawFilm(*pipeline_.vae_codec, seed_, drop_condition_, sample);
  const int64_t timesteps = schedule_.config().train_timesteps;
  const auto drawn = at::randint(timesteps, {}, draws.generator, at::kLong).item<int64_t>();
  draws.timestep = at::scalar_tensor(shiftTimestep(drawn, timesteps, timestep_shift_), at::kLong);
  draws.noise = drawNormal(draws.latents.sizes(), draws.generator);
  if (pipeline_.takesImage()) draws.image = drawImage(draws);
  return draws;
}

/// Of the first frame, a little noisy, so that what a picture's noise is isn't taken for detail.
at::Tensor VelocityObjective::drawImage(const Draws& draws) const {
  const c10::AutoGradMode no_gradients(false);
  const at::Tensor first = draws.pixels.narrow(0, 0, 1);
  const double augmentation = augmentation_.draw(draws.generator);
  const at::Tensor noisy = first + augmentation * drawNormal(first.sizes(), draws.generator);
  at::IntArrayRef one = draws.latents.sizes();
  const at::Tensor noise = drawNormal({1, one[1], one[2], one[3]}, draws.generator);
  const at::Tensor film = at::zeros_like(draws.latents);
  film.narrow(0, 0, 1).copy_(pipeline_.vae_codec->encode(noisy, /*tiled=*/false, noise).latents *
                             pipeline_.imageLatentFactor());
  return film;
}

std::vector<Export> VelocityObjective::exports() const {
  return denoiserExports("transformer", pipeline_.transformer->parameters());
}

}  // namespace cameo::train
