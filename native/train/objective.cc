#include "train/objective.h"

#include <ATen/ATen.h>

namespace cameo::train {

namespace {

at::Tensor target(schedulers::Prediction prediction, const at::Tensor& clean, const at::Tensor& noise,
                  const at::Tensor& alpha) {
  switch (prediction) {
    case schedulers::Prediction::VPrediction:
      return alpha.sqrt() * noise - (1 - alpha).sqrt() * clean;
    case schedulers::Prediction::Sample:
      return clean;
    default:
      return noise;
  }
}

/// Each sample's mean squared error, (B).
at::Tensor squaredError(const at::Tensor& output, const at::Tensor& wanted) {
  return (output.to(at::kFloat) - wanted).square().flatten(1).mean(1);
}

/// min(snr, gamma) over the weight that the prediction's error has by itself, (B).
at::Tensor minSnrWeight(const ObjectiveConfig& config, schedulers::Prediction prediction,
                        const at::Tensor& alpha) {
  const at::Tensor snr = (alpha / (1 - alpha)).flatten();  // 0 where only noise is left
  const at::Tensor capped = snr.clamp_max(config.min_snr_gamma);
  if (prediction == schedulers::Prediction::VPrediction) return capped / (snr + 1);
  if (prediction == schedulers::Prediction::Sample) return capped;
  return (config.min_snr_gamma / snr).clamp_max(1);
}

}  // namespace

Losses computeLosses(const models::UNet& unet, const schedulers::NoiseSchedule& schedule,
                     const ObjectiveConfig& config, const Batch& batch) {
  const auto prediction = schedule.config().prediction;
  const int64_t frames = batch.latents.size(1);
  const int64_t references = batch.references.defined() ? batch.references.size(1) : 0;
  // (B, 1, 1, 1, 1)
  const auto alphaAt = [&](const at::Tensor& timesteps) {
    return schedule.alphaCumprod(timesteps).view({-1, 1, 1, 1, 1});
  };
  const at::Tensor alpha = alphaAt(batch.timesteps);
  at::Tensor images = schedulers::addNoise(batch.latents, batch.noise, alpha);
  at::Tensor reference_alpha, kept;
  if (references > 0) {
    reference_alpha = alphaAt((batch.timesteps.to(at::kDouble) * config.alpha).floor().to(at::kLong));
    kept = batch.dropped.defined() ? batch.dropped.logical_not().to(at::kFloat)
                                   : at::ones_like(batch.timesteps, at::kFloat);  // (B)
    const at::Tensor seen = schedulers::addNoise(batch.references, batch.reference_noise, reference_alpha);
    images = at::cat({images, seen * kept.view({-1, 1, 1, 1, 1})}, 1);
  }
  const at::Tensor output = unet.forward({.images = images.to(batch.text.scalar_type()),
                                          .references = references,
                                          .timesteps = batch.timesteps,
                                          .text = batch.text,
                                          .recompute = config.recompute});

  Losses losses;
  at::Tensor error =
      squaredError(output.narrow(1, 0, frames), target(prediction, batch.latents, batch.noise, alpha));
  if (config.min_snr_gamma > 0) error = error * minSnrWeight(config, prediction, alpha);
  const at::Tensor video = losses.total = losses.parts["lossVideo"] = error.mean();
  if (references > 0) {
    const at::Tensor wanted = target(prediction, batch.references, batch.reference_noise, reference_alpha);
    const at::Tensor reference = losses.parts["lossReference"] =
        (squaredError(output.narrow(1, frames, references), wanted) * kept).mean();
    losses.total = video + config.beta * reference;
  }
  return losses;
}

}  // namespace cameo::train
