#include "train/vae_objective.h"

#include <ATen/ATen.h>

namespace cameo::train {

namespace {

constexpr int kScales = 3;

/// The mean size of the differences between neighbours, of both directions and all scales. Differences and
/// pooling are linear: those of the error are the errors of the pictures' own.
at::Tensor detailLoss(at::Tensor error) {
  at::Tensor sum = at::zeros({}, error.options());
  for (int scale = 0; scale < kScales; ++scale) {
    if (scale > 0) error = at::avg_pool2d(error, 2);
    sum = sum + at::diff(error, 1, /*dim=*/2).abs().mean() + at::diff(error, 1, /*dim=*/3).abs().mean();
  }
  return sum / (2 * kScales);
}

at::Tensor divergence(const models::Posterior& posterior) {
  const at::Tensor mean = posterior.mean.to(at::kFloat), log_variance = posterior.log_variance.to(at::kFloat);
  return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean();
}

}  // namespace

Losses computeVaeLosses(const models::Vae& vae, const VaeObjectiveConfig& config, const VaeBatch& batch,
                        at::ScalarType dtype) {
  const models::Posterior posterior = vae.encode(batch.images.to(dtype));
  const at::Tensor deviation = (posterior.log_variance.to(at::kFloat) * 0.5).exp();
  const at::Tensor latents = posterior.mean.to(at::kFloat) + deviation * batch.noise;
  const at::Tensor error = vae.decode(latents.to(dtype)).to(at::kFloat) - batch.images;
  const at::Tensor reconstruction = error.abs().mean();
  const at::Tensor detail = detailLoss(error);
  const at::Tensor kl = divergence(posterior);
  return {.total = reconstruction + config.detail * detail + config.kl * kl,
          .parts = {{"lossReconstruction", reconstruction}, {"lossDetail", detail}, {"lossKl", kl}},
          .latents = latents.detach()};
}

}  // namespace cameo::train
