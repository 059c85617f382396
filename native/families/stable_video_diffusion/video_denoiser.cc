#include "families/stable_video_diffusion/video_denoiser.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::families {

namespace {

/// Zeros in place of the picture, for the branch that isn't shown it, and the picture.
at::Tensor withoutAndWith(const at::Tensor& x) {
  return at::cat({at::zeros_like(x), x});
}

}  // namespace

VideoDenoiser::VideoDenoiser(const StableVideoDiffusion& model, VideoConditions conditions)
    : model_(model), visit_(model.unet->parameters(), model.device), conditions_(std::move(conditions)) {
  if (!conditions_.guided) return;
  conditions_.picture = withoutAndWith(conditions_.picture);
  conditions_.latents = withoutAndWith(conditions_.latents);
  conditions_.time_ids = conditions_.time_ids.expand({2, -1});
}

void VideoDenoiser::begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) {
  latents_ = latents;
  moment_ = moment;
  count_ = count;
}

at::Tensor VideoDenoiser::input(const pipeline::FrameWindow& window) {
  const at::Tensor frames = window.of(latents_, 1).expand({count_, -1, -1, -1, -1});
  const at::Tensor picture = conditions_.latents.slice(0, branches() - count_).unsqueeze(1);
  return at::cat({frames, picture.expand({-1, window.count(), -1, -1, -1})}, 2);
}

at::Tensor VideoDenoiser::evaluate(const at::Tensor& input, const pipeline::FrameWindow&, int64_t first) {
  const int64_t rows = input.size(0);
  return model_.unet
      ->forward({.images = input.to(model_.dtype),
                 .timesteps = at::full({rows}, moment_.time, at::device(model_.device).dtype(at::kDouble)),
                 .time_ids = conditions_.time_ids.narrow(0, first, rows),
                 .picture = conditions_.picture.narrow(0, first, rows)})
      .to(at::kFloat);
}

}  // namespace cameo::families
