#include "families/cogvideox/film_denoiser.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::families {

CogVideoXDenoiser::CogVideoXDenoiser(const CogVideoX& model, CogVideoXConditions conditions)
    : model_(model),
      visit_(model.transformer->parameters(), model.device),
      conditions_(std::move(conditions)) {}

void CogVideoXDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  latents_ = latents;
  moment_ = moment;
  count_ = count;
}

at::Tensor CogVideoXDenoiser::input(const pipeline::FrameWindow&) {
  const at::Tensor& image = conditions_.image;
  const at::Tensor shown = image.defined() ? at::cat({latents_, image}, 2) : latents_;
  return shown.expand({count_, -1, -1, -1, -1});
}

at::Tensor CogVideoXDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow&, int64_t first) {
  const int64_t rows = input.size(0);
  return model_.transformer
      ->forward({.latents = input.to(model_.dtype),
                 .timesteps = at::full({rows}, moment_.time, at::device(model_.device).dtype(at::kDouble)),
                 .text = conditions_.text.narrow(0, first, rows),
                 .offset = CogVideoX::kOffset})
      .to(at::kFloat);
}

}  // namespace cameo::families
