#include "train/objectives/noise.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "core/error.h"
#include "core/rng.h"
#include "families/stable_diffusion/conditioning.h"
#include "models/motion_names.h"
#include "pipeline/pixels.h"
#include "samplers/noise_prior.h"
#include "train/timestep_shift.h"

namespace cameo::train {

namespace {

using samplers::NoiseSchedule, samplers::Prediction;

/// Beside patterns for the UNet, what a recipe calls the whole text encoder.
constexpr const char* kTextEncoder = "text_encoder";

at::Tensor target(Prediction prediction, const at::Tensor& clean, const at::Tensor& noise,
                  const at::Tensor& alpha) {
  switch (prediction) {
    case Prediction::VPrediction:
      return alpha.sqrt() * noise - (1 - alpha).sqrt() * clean;
    case Prediction::Sample:
      return clean;
    default:
      return noise;
  }
}

/// min(snr, gamma) over the weight that the prediction's error has by itself, (B).
at::Tensor minSnrWeight(double gamma, Prediction prediction, const at::Tensor& alpha) {
  const at::Tensor snr = (alpha / (1 - alpha)).flatten();  // 0 where only noise is left
  const at::Tensor capped = snr.clamp_max(gamma);
  if (prediction == Prediction::VPrediction) return capped / (snr + 1);
  if (prediction == Prediction::Sample) return capped;
  return (gamma / snr).clamp_max(1);
}

/// The model goes by its own scheduler config, with what the recipe has the network predict.
samplers::ScheduleConfig withPrediction(families::StableDiffusion& pipeline, const nlohmann::json& recipe) {
  const auto& objective = recipe.at("objective");
  if (objective.contains("prediction")) {
    pipeline.scheduler["prediction_type"] = objective["prediction"] == "v" ? "v_prediction" : "epsilon";
  }
  return pipeline.schedule();
}

NoiseConfig readNoiseConfig(const nlohmann::json& recipe) {
  const auto& objective = recipe.at("objective");
  return {.drop_condition = objective.at("dropCondition"),
          .timestep_shift = objective.at("timestepShift"),
          .min_snr_gamma = objective.value("minSnrGamma", 0.0),  // a loss of another kind may have none
          .recompute = recipe.at("gradientCheckpointing")};
}

}  // namespace

at::Tensor NoisePredictor::alphaAt(const at::Tensor& timesteps) const {
  return schedule.alphaCumprod(timesteps).view({-1, 1, 1, 1, 1});
}

at::Tensor NoisePredictor::predict(const NoiseBatch& batch, const at::Tensor& images, int64_t references,
                                   const std::vector<std::shared_ptr<const nn::Regions>>& regions) const {
  const auto inputOf = [&](int64_t first, int64_t count) {
    return models::UNetInput{.images = images.narrow(0, first, count).to(batch.text.scalar_type()),
                             .references = references,
                             .timesteps = batch.timesteps.narrow(0, first, count),
                             .text = batch.text.narrow(0, first, count),
                             .recompute = config.recompute};
  };
  if (regions.empty()) return unet.forward(inputOf(0, images.size(0)));
  std::vector<at::Tensor> outputs;  // one by one: an evaluation has one set of regions
  for (size_t i = 0; i < regions.size(); ++i) {
    models::UNetInput input = inputOf(static_cast<int64_t>(i), 1);
    input.regions = regions[i];
    outputs.push_back(unet.forward(input));
  }
  return at::cat(outputs);
}

at::Tensor NoisePredictor::squaredError(const at::Tensor& output, const at::Tensor& clean,
                                        const at::Tensor& noise, const at::Tensor& alpha) const {
  const at::Tensor wanted = target(schedule.config().prediction, clean, noise, alpha);
  return (output.to(at::kFloat) - wanted).square().flatten(1).mean(1);
}

at::Tensor NoisePredictor::framesLoss(const NoiseBatch& batch, const at::Tensor& output,
                                      const at::Tensor& alpha) const {
  at::Tensor error = squaredError(output, batch.latents, batch.noise, alpha);
  if (config.min_snr_gamma > 0) {
    error = error * minSnrWeight(config.min_snr_gamma, schedule.config().prediction, alpha);
  }
  return error.mean();
}

Losses computeNoiseLosses(const NoisePredictor& predictor, const NoiseBatch& batch) {
  const at::Tensor alpha = predictor.alphaAt(batch.timesteps);
  const at::Tensor images = samplers::addNoise(batch.latents, batch.noise, alpha);
  const at::Tensor output = predictor.predict(batch, images, /*references=*/0);
  const at::Tensor video = predictor.framesLoss(batch, output, alpha);
  return {.total = video, .parts = {{"lossVideo", video}}};
}

NoiseObjective::NoiseObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline)
    : pipeline_(pipeline),
      schedule_(withPrediction(pipeline, recipe)),
      config_(readNoiseConfig(recipe)),
      seed_(recipe.at("seed")),
      unet_patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      trains_text_(std::erase(unet_patterns_, kTextEncoder) > 0) {}

std::vector<TrainedNetwork> NoiseObjective::networks() const {
  std::vector<TrainedNetwork> trained;
  if (!unet_patterns_.empty()) trained.push_back({"unet", pipeline_.unet->parameters(), unet_patterns_});
  if (trains_text_) trained.push_back({kTextEncoder, pipeline_.text_encoder->parameters(), {"all"}});
  return trained;
}

Losses NoiseObjective::losses(const MicroBatch& samples, const Caption& empty) const {
  const NoiseBatch batch = makeBatch(samples, draw(samples), empty);
  return computeNoiseLosses(predictor(), batch);
}

std::vector<NoiseDraws> NoiseObjective::draw(const MicroBatch& samples) const {
  std::vector<NoiseDraws> draws;
  for (const Sample& sample : samples) {
    draws.push_back(drawSample(sample));
    requireSameSize(draws.back().latents, draws.front().latents);
  }
  return draws;
}

NoiseDraws NoiseObjective::drawSample(const Sample& sample) const {
  const models::Vae& vae = *pipeline_.vae;
  const pipeline::LatentCodec& codec = pipeline_.codec();
  const models::Posterior images = latentsOf(codec, sample, picturesOf(codec, sample));
  const int64_t frames = images.mean.size(0) - sample.references;
  if (frames < 1) throw Error(ErrorCode::InvalidOption, "a training sample has no frames");
  NoiseDraws draws;
  draws.generator = generatorOf(seed_, sample);
  draws.is_dropped = at::rand({}, draws.generator).item<double>() < config_.drop_condition;
  const int64_t timesteps = schedule_.config().train_timesteps;
  const auto drawn = at::randint(timesteps, {}, draws.generator, at::kLong).item<int64_t>();
  draws.timestep = at::scalar_tensor(shiftTimestep(drawn, timesteps, config_.timestep_shift), at::kLong);
  const at::Tensor mean = images.mean.narrow(0, 0, frames);
  const at::Tensor deviation = images.log_variance.narrow(0, 0, frames).mul(0.5).exp();
  draws.latents = vae.scaled(mean + deviation * drawNormal(mean.sizes(), draws.generator));
  draws.noise =
      samplers::correlateFrames(drawNormal(mean.sizes(), draws.generator), pipeline_.noise_correlation);
  draws.references = vae.scaled(images.mean.narrow(0, frames, sample.references));
  return draws;
}

at::Tensor NoiseObjective::stack(const std::vector<NoiseDraws>& draws, at::Tensor NoiseDraws::*part) const {
  std::vector<at::Tensor> rows;
  for (const NoiseDraws& drawn : draws) rows.push_back(drawn.*part);
  return at::stack(rows).to(pipeline_.device);
}

/// The text records gradients only where it is trained.
NoiseBatch NoiseObjective::makeBatch(const MicroBatch& samples, const std::vector<NoiseDraws>& draws,
                                     const Caption& empty) const {
  std::vector<const std::vector<int32_t>*> captions;
  for (size_t i = 0; i < samples.size(); ++i) {
    captions.push_back(draws[i].is_dropped ? &empty.ids : &samples[i].caption.ids);
    families::checkIds(pipeline_, "caption", *captions.back());
  }
  NoiseBatch batch{.latents = stack(draws, &NoiseDraws::latents),
                   .noise = stack(draws, &NoiseDraws::noise),
                   .timesteps = stack(draws, &NoiseDraws::timestep),
                   .text = {}};
  const c10::AutoGradMode recording(trains_text_);
  batch.text = families::encodeText(pipeline_, captions);
  return batch;
}

std::vector<Export> NoiseObjective::exports() const {
  ParameterSet& unet = pipeline_.unet->parameters();
  ParameterSet& text = pipeline_.text_encoder->parameters();
  const auto isMotion = [](const Parameter& parameter) { return models::isMotionName(parameter.name); };
  const auto isOther = [](const Parameter& parameter) { return !models::isMotionName(parameter.name); };
  return {{.part = "motion", .tensors = [&unet, isMotion] { return mergedWeights(unet, isMotion); }},
          {.part = "unet", .tensors = [&unet, isOther] { return mergedWeights(unet, isOther); }},
          {.part = kTextEncoder, .tensors = [&text] { return mergedWeights(text); }}};
}

}  // namespace cameo::train
