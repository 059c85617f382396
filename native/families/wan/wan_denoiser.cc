#include "families/wan/wan_denoiser.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::families {

WanDenoiser::WanDenoiser(const Wan& model, models::WanReads texts, at::Tensor reads)
    : model_(model),
      visit_(model.transformer->parameters(), model.device),
      texts_(std::move(texts)),
      reads_(reads.to(model.device)) {}

void WanDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  latents_ = latents;
  moment_ = moment;
  count_ = count;
}

at::Tensor WanDenoiser::input(const pipeline::FrameWindow& window) {
  return window.of(latents_, 1).expand({count_, -1, -1, -1, -1});
}

at::Tensor WanDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow&, int64_t first) {
  return model_.transformer
      ->forward({.latents = input.to(model_.dtype),
                 .timesteps = at::full({1}, moment_.time, at::device(model_.device).dtype(at::kDouble)),
                 .texts = texts_,
                 .reads = reads_.narrow(0, first, input.size(0)),
                 .hints = hints()})
      .to(at::kFloat);
}

}  // namespace cameo::families
