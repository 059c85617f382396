#include "pipeline/predictor.h"

#include <ATen/ATen.h>

namespace cameo::pipeline {

Predictor::Predictor(const Pipeline& pipeline, const SampleRequest& request, const Conditions& conditions,
                     const schedulers::NoiseSchedule& schedule, bool halves_apart)
    : pipeline_(pipeline), request_(request), conditions_(conditions), halves_apart_(halves_apart) {
  if (conditions.references.defined()) {
    references_.emplace(conditions.references, conditions.guided, request, schedule);
  }
  for (auto& cache : caches_) cache.layers = static_cast<size_t>(request.cache_layers);
}

bool Predictor::isGuided(int64_t step) const {
  const auto steps = static_cast<double>(request_.steps);
  const auto [from, to] = request_.guidance_range;
  const auto at = static_cast<double>(step) / steps;
  return conditions_.guided && at >= from && at < to;
}

void Predictor::refreshCaches(int64_t step, bool guided) {
  // Features of a batch with an unconditional half don't fit one without.
  if (step % request_.cache_interval == 0 || guided != was_guided_) {
    for (auto& cache : caches_) cache.features.reset();
  }
  was_guided_ = guided;
}

at::Tensor Predictor::evaluate(const at::Tensor& images, int64_t references, int64_t timestep,
                               const at::Tensor& text) {
  const int64_t halves = images.size(0), together = halves_apart_ ? 1 : halves;
  const auto timesteps = at::full({together}, timestep, at::device(pipeline_.device).dtype(at::kLong));
  std::vector<at::Tensor> outputs;
  for (int64_t from = 0; from < halves; from += together) {
    models::FeatureCache* cache = request_.cache_interval == 1 ? nullptr : &caches_.at(from);
    outputs.push_back(pipeline_.unet
                          ->forward({.images = images.narrow(0, from, together).to(pipeline_.dtype),
                                     .references = references,
                                     .timesteps = timesteps,
                                     .text = text.narrow(0, from, together),
                                     .cache = cache,
                                     .token_merging = request_.token_merging})
                          .to(at::kFloat));
  }
  return at::cat(outputs);
}

at::Tensor Predictor::predict(int64_t step, int64_t timestep, const at::Tensor& latents,
                              Evaluation* evaluation) {
  const bool guided = isGuided(step);
  const int64_t halves = guided ? 2 : 1;
  const auto ofHalves = [&](const at::Tensor& x) { return x.slice(0, x.size(0) - halves); };
  at::Tensor images = latents.expand({halves, -1, -1, -1, -1});
  if (references_) images = at::cat({images, ofHalves(references_->at(timestep, latents))}, 1);
  refreshCaches(step, guided);
  const at::Tensor output =
      evaluate(images, images.size(1) - latents.size(1), timestep, ofHalves(conditions_.text));
  if (evaluation != nullptr) *evaluation = {images, output};
  const at::Tensor frames = output.narrow(1, 0, latents.size(1));
  if (!guided) return frames;
  // Eq. 6: eps(z) + w (eps(z, c, r) - eps(z)).
  const at::Tensor unconditional = frames.slice(0, 0, 1), conditional = frames.slice(0, 1);
  return unconditional + request_.guidance_scale * (conditional - unconditional);
}

}  // namespace cameo::pipeline
