#include "families/dynamicrafter/dynamicrafter_denoiser.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::families {

DynamiCrafterDenoiser::DynamiCrafterDenoiser(const DynamiCrafter& model, DynamiCrafterSources sources)
    : model_(model),
      visit_(model.unet->parameters(), model.device),
      sources_(std::move(sources)),
      rate_(model.unet->unet().rate(sources_.rate, sources_.text.options())) {}

void DynamiCrafterDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  latents_ = latents;
  time_ = moment.time;
  count_ = count;
}

at::Tensor DynamiCrafterDenoiser::input(const pipeline::FrameWindow& window) {
  const at::Tensor images = at::cat({window.of(latents_, 1), window.of(sources_.shown, 1)}, 2);
  return images.expand({count_, -1, -1, -1, -1});
}

at::Tensor DynamiCrafterDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow&,
                                           int64_t first) {
  const int64_t rows = input.size(0);
  nn::ImagePrompts prompts;
  for (const nn::ImagePrompt& prompt : sources_.picture) {
    const int64_t each = prompt.k.size(0) / branches();
    const auto part = [&](const at::Tensor& all) { return all.narrow(0, first * each, rows * each); };
    prompts.push_back({part(prompt.k), part(prompt.v), 1});
  }
  return model_.unet->unet()
      .forward({.images = input.to(model_.dtype),
                .timesteps = at::full({rows}, time_, at::device(model_.device).dtype(at::kDouble)),
                .rate = rate_,
                .sources = {.text = sources_.text.narrow(0, first, rows), .images = &prompts}})
      .to(at::kFloat);
}

}  // namespace cameo::families
