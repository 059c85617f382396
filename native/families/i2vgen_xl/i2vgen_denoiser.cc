#include "families/i2vgen_xl/i2vgen_denoiser.h"

#include <ATen/ATen.h>

namespace cameo::families {

I2VGenDenoiser::I2VGenDenoiser(const I2VGenXl& model, const I2VGenSources& sources)
    : model_(model),
      visit_(model.unet->parameters(), model.device),
      conditions_(model.unet->conditions(sources.text, sources.embeds, sources.latents, sources.fps)) {}

void I2VGenDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  latents_ = latents;
  time_ = moment.time;
  count_ = count;
}

at::Tensor I2VGenDenoiser::input(const pipeline::FrameWindow& window) {
  return window.of(latents_, 1).expand({count_, -1, -1, -1, -1});
}

at::Tensor I2VGenDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow& window,
                                    int64_t first) {
  const int64_t rows = input.size(0);
  const at::Tensor times = at::full({rows}, time_, at::device(model_.device).dtype(at::kDouble));
  return model_.unet
      ->forward(input.to(model_.dtype), times,
                {.context = conditions_.context.narrow(0, first, rows),
                 .latents = window.of(conditions_.latents, 1),
                 .rate = conditions_.rate})
      .to(at::kFloat);
}

}  // namespace cameo::families
