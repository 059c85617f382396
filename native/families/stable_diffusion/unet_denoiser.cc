#include "families/stable_diffusion/unet_denoiser.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::families {

namespace {

nn::MotionOptions motionOptions(const pipeline::SampleRequest& request) {
  nn::MotionOptions options{.scale = request.motion_scale};
  const pipeline::ContextWindows& context = request.context;
  if (request.windowsInMotion()) {
    options.windows = {context.length, context.length - context.overlap, context.weights};
  }
  return options;
}

}  // namespace

UNetDenoiser::UNetDenoiser(const StableDiffusion& model, const pipeline::SampleRequest& request,
                           Conditions conditions, const samplers::NoiseSchedule& schedule)
    : model_(model),
      visit_(model.unet->parameters(), model.device),
      request_(request),
      conditions_(std::move(conditions)),
      motion_(motionOptions(request)) {
  if (!conditions_.references.defined()) return;
  reference_count_ = conditions_.references.size(1);
  references_.emplace(conditions_.references, conditions_.unconditional, branches(), request, schedule);
}

void UNetDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  if (moment.step < moment_.step) {  // another pass over the same film
    evaluations_ = 0;
    if (references_) references_->restart();
  }
  // Features of a batch with an unconditional half don't fit one without.
  if (evaluations_ % request_.cache_interval == 0 || count != count_) caches_.clear();
  ++evaluations_;
  latents_ = latents;
  moment_ = moment;
  count_ = count;
  if (references_) seen_references_ = references_->at(moment.time, latents).slice(0, branches() - count);
}

at::Tensor UNetDenoiser::input(const pipeline::FrameWindow& window) {
  const at::Tensor frames = window.of(latents_, 1).expand({count_, -1, -1, -1, -1});
  return withShown(references_ ? at::cat({frames, seen_references_}, 1) : frames, window);
}

at::Tensor UNetDenoiser::withShown(const at::Tensor& images, const pipeline::FrameWindow& window) const {
  if (!conditions_.shown.defined()) return images;
  const at::Tensor shown = conditions_.shown.slice(0, branches() - count_);
  const at::Tensor ofFrames =
      shown.size(1) == 1 ? shown.expand({-1, window.count(), -1, -1, -1}) : window.of(shown, 1);
  if (!references_) return at::cat({images, ofFrames}, 2);
  const at::Tensor ofReferences = conditions_.shown_references.slice(0, branches() - count_);
  return at::cat({images, at::cat({ofFrames, ofReferences}, 1)}, 2);
}

at::Tensor UNetDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow& window,
                                  int64_t first) {
  const int64_t rows = input.size(0);
  models::FeatureCache* cache = nullptr;
  if (request_.cache_interval > 1) {
    cache = &caches_[{window.frames, first}];
    cache->layers = static_cast<size_t>(request_.cache_layers);
  }
  models::UNetInput unet{
      .images = input.to(model_.dtype),
      .references = reference_count_,
      .timesteps = at::full({rows}, moment_.time, at::device(model_.device).dtype(at::kDouble)),
      .text = conditions_.text.narrow(0, first, rows),
      .cache = cache,
      .token_merging = request_.token_merging,
      .motion = motion_,
  };
  if (unet.text.dim() == 4) {
    unet.reference_text = unet.text.select(1, 0);
    unet.text = window.of(unet.text, 1);
  }
  const Evaluated what{.window = window, .first_branch = first, .branches = rows, .moment = moment_};
  for (const auto& condition : conditions_.others) condition->apply(unet, what);
  return model_.unet->forward(unet).to(at::kFloat);
}

}  // namespace cameo::families
