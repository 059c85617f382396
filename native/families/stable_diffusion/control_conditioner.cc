#include "families/stable_diffusion/control_conditioner.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "families/stable_diffusion/stable_diffusion.h"

namespace cameo::families {

namespace {

/// Zeros for the first `rows` of a batch whose others have `residual`, `frames` each.
at::Tensor afterZeros(const at::Tensor& residual, int64_t rows, int64_t frames) {
  std::vector<int64_t> shape = residual.sizes().vec();
  shape[0] = rows * frames;
  return at::cat({at::zeros(shape, residual.options()), residual});
}

}  // namespace

ControlConditioner::ControlConditioner(const StableDiffusion& model, models::ControlNet& control,
                                       const pipeline::ControlOptions& options, const at::Tensor& embedded,
                                       int64_t unconditional)
    : control_(control),
      visit_(control.parameters(), model.device),
      options_(options),
      embedded_(embedded),
      latent_channels_(model.vae->config().latent_channels),
      unconditional_(unconditional) {}

bool ControlConditioner::actsAt(const pipeline::Moment& moment) const {
  const auto part = [&](int64_t step) {
    return static_cast<double>(step) / static_cast<double>(moment.steps);
  };
  return options_.scale != 0 && part(moment.step) >= options_.range.from &&
         part(moment.step + 1) <= options_.range.to;
}

models::ControlResiduals ControlConditioner::residuals(const models::UNetInput& input,
                                                       const pipeline::FrameWindow& window,
                                                       int64_t first_row) const {
  const bool are_outermost = input.cache != nullptr && input.cache->features.defined();
  return control_.forward({
      .images = input.images.slice(0, first_row).narrow(1, 0, window.count()).narrow(2, 0, latent_channels_),
      .embedded = window.of(embedded_, 0),
      .timesteps = input.timesteps.slice(0, first_row),
      .text = input.text.slice(0, first_row),
      .scale = options_.scale,
      .by_depth = options_.guess,
      .skips = are_outermost ? input.cache->layers : 0,
  });
}

void ControlConditioner::apply(models::UNetInput& input, const Evaluated& what) {
  if (!actsAt(what.moment)) return;
  const bool spares_negative = options_.guess || control_.config().pools;
  const int64_t spared =
      spares_negative ? std::clamp<int64_t>(unconditional_ - what.first_branch, 0, what.branches) : 0;
  if (spared == what.branches) return;
  models::ControlResiduals own = residuals(input, what.window, spared);
  if (spared > 0) {
    const int64_t frames = what.window.count();
    for (at::Tensor& skip : own.skips) skip = afterZeros(skip, spared, frames);
    if (own.mid.defined()) own.mid = afterZeros(own.mid, spared, frames);
  }
  input.residuals.add(own);
}

}  // namespace cameo::families
