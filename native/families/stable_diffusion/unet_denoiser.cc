#include "families/stable_diffusion/unet_denoiser.h"

#include <ATen/ATen.h>

namespace cameo::families {

UNetDenoiser::UNetDenoiser(const StableDiffusion& model, const pipeline::SampleRequest& request,
                           const Conditions& conditions, const samplers::NoiseSchedule& schedule)
    : model_(model),
      visit_(model.unet->parameters(), model.device),
      request_(request),
      conditions_(conditions) {
  if (!conditions.references.defined()) return;
  reference_count_ = conditions.references.size(1);
  references_.emplace(conditions.references, branches() > 1, request, schedule);
}

void UNetDenoiser::refreshCaches(int64_t count) {
  // Features of a batch with an unconditional half don't fit one without.
  if (evaluations_ % request_.cache_interval == 0 || count != last_count_) caches_.clear();
  last_count_ = count;
  ++evaluations_;
}

at::Tensor UNetDenoiser::input(const at::Tensor& latents, double time, int64_t count) {
  refreshCaches(count);
  const at::Tensor frames = latents.expand({count, -1, -1, -1, -1});
  if (!references_) return frames;
  return at::cat({frames, references_->at(time, latents).slice(0, branches() - count)}, 1);
}

at::Tensor UNetDenoiser::evaluate(const at::Tensor& input, double time, int64_t first) {
  const int64_t rows = input.size(0);
  models::FeatureCache* cache = nullptr;
  if (request_.cache_interval > 1) {
    cache = &caches_[first];
    cache->layers = static_cast<size_t>(request_.cache_layers);
  }
  return model_.unet
      ->forward({.images = input.to(model_.dtype),
                 .references = reference_count_,
                 .timesteps = at::full({rows}, time, at::device(model_.device).dtype(at::kDouble)),
                 .text = conditions_.text.narrow(0, first, rows),
                 .cache = cache,
                 .token_merging = request_.token_merging})
      .to(at::kFloat);
}

}  // namespace cameo::families
