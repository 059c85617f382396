#include "families/latte/latte_denoiser.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::families {

LatteDenoiser::LatteDenoiser(const Latte& model, at::Tensor text)
    : model_(model), visit_(model.transformer->parameters(), model.device), text_(std::move(text)) {}

void LatteDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  latents_ = latents;
  moment_ = moment;
  count_ = count;
}

at::Tensor LatteDenoiser::input(const pipeline::FrameWindow& window) {
  return window.of(latents_, 1).expand({count_, -1, -1, -1, -1});
}

at::Tensor LatteDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow&, int64_t first) {
  const at::Tensor text = text_.narrow(0, first, input.size(0));
  const at::Tensor both = model_.transformer->forward(input.to(model_.dtype), moment_.time, text);
  // Behind the noise it says how sure it is of it, which no sampler asks. Guidance takes each channel alone,
  // so that it makes no difference to leave these out before it.
  return both.narrow(2, 0, input.size(2)).to(at::kFloat);
}

}  // namespace cameo::families
