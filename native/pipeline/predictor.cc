#include "pipeline/predictor.h"

#include <ATen/ATen.h>

namespace cameo::pipeline {

Predictor::Predictor(const Pipeline& pipeline, const SampleRequest& request, const Conditions& conditions,
                     const schedulers::NoiseSchedule& schedule)
    : pipeline_(pipeline), request_(request), conditions_(conditions) {
  if (conditions.references.defined()) {
    references_.emplace(conditions.references, conditions.guided, request, schedule);
  }
  cache_.layers = static_cast<size_t>(request.cache_layers);
}

bool Predictor::isGuided(int64_t step) const {
  const auto steps = static_cast<double>(request_.steps);
  const auto [from, to] = request_.guidance_range;
  const auto at = static_cast<double>(step) / steps;
  return conditions_.guided && at >= from && at < to;
}

models::FeatureCache* Predictor::cacheFor(int64_t step, bool guided) {
  if (request_.cache_interval == 1) return nullptr;
  // Features of a batch with an unconditional half don't fit one without.
  if (step % request_.cache_interval == 0 || guided != was_guided_) cache_.features.reset();
  was_guided_ = guided;
  return &cache_;
}

at::Tensor Predictor::predict(int64_t step, int64_t timestep, const at::Tensor& latents,
                              Evaluation* evaluation) {
  const bool guided = isGuided(step);
  const int64_t halves = guided ? 2 : 1;
  const auto ofHalves = [&](const at::Tensor& x) { return x.slice(0, x.size(0) - halves); };
  at::Tensor images = latents.expand({halves, -1, -1, -1, -1});
  if (references_) images = at::cat({images, ofHalves(references_->at(timestep, latents))}, 1);
  const auto timesteps = at::full({halves}, timestep, at::device(pipeline_.device).dtype(at::kLong));
  const at::Tensor output = pipeline_.unet
                                ->forward({.images = images.to(pipeline_.dtype),
                                           .references = images.size(1) - latents.size(1),
                                           .timesteps = timesteps,
                                           .text = ofHalves(conditions_.text),
                                           .cache = cacheFor(step, guided),
                                           .token_merging = request_.token_merging})
                                .to(at::kFloat);
  if (evaluation != nullptr) *evaluation = {images, output};
  const at::Tensor frames = output.narrow(1, 0, latents.size(1));
  if (!guided) return frames;
  // Eq. 6: eps(z) + w (eps(z, c, r) - eps(z)).
  const at::Tensor unconditional = frames.slice(0, 0, 1), conditional = frames.slice(0, 1);
  return unconditional + request_.guidance_scale * (conditional - unconditional);
}

}  // namespace cameo::pipeline
