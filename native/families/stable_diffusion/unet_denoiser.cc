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

void UNetDenoiser::begin(const at::Tensor& latents, double time, int64_t count) {
  // Features of a batch with an unconditional half don't fit one without.
  if (evaluations_ % request_.cache_interval == 0 || count != count_) caches_.clear();
  ++evaluations_;
  latents_ = latents;
  time_ = time;
  count_ = count;
  if (references_) seen_references_ = references_->at(time, latents).slice(0, branches() - count);
}

at::Tensor UNetDenoiser::input(const pipeline::FrameWindow& window) {
  const at::Tensor frames = latents_.narrow(1, window.first, window.count).expand({count_, -1, -1, -1, -1});
  return references_ ? at::cat({frames, seen_references_}, 1) : frames;
}

at::Tensor UNetDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow& window,
                                  int64_t first) {
  const int64_t rows = input.size(0);
  models::FeatureCache* cache = nullptr;
  if (request_.cache_interval > 1) {
    cache = &caches_[{window.first, first}];
    cache->layers = static_cast<size_t>(request_.cache_layers);
  }
  return model_.unet
      ->forward({.images = input.to(model_.dtype),
                 .references = reference_count_,
                 .timesteps = at::full({rows}, time_, at::device(model_.device).dtype(at::kDouble)),
                 .text = conditions_.text.narrow(0, first, rows),
                 .cache = cache,
                 .token_merging = request_.token_merging})
      .to(at::kFloat);
}

at::Tensor PictureDenoiser::input(const pipeline::FrameWindow& window) {
  const at::Tensor frames = UNetDenoiser::input(window);
  const at::Tensor shown = shown_.slice(0, branches() - count()).expand({-1, frames.size(1), -1, -1, -1});
  return at::cat({frames, shown}, 2);
}

}  // namespace cameo::families
