#include "train/objectives/vae.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"

namespace cameo::train {

namespace {

constexpr int kScales = 3;

/// What a step measures of its latents: their mean square, after their shift.
constexpr const char* kLatentSquare = "latentSquare";

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

VaeHalves halvesOf(const models::Vae& vae) {
  return {.encode = [&vae](const at::Tensor& images) { return vae.encode(images); },
          .decode = [&vae](const at::Tensor& latents) { return vae.decode(latents); }};
}

VaeHalves halvesOf(const models::FilmVae& vae, int64_t frames) {
  const int64_t latents = (frames - 1) / vae.shape().time_scale + 1;
  const auto encode = [&vae, frames](const at::Tensor& images) {
    std::vector<at::Tensor> means, log_variances;
    for (const at::Tensor& film : images.split(frames)) {
      const models::Posterior posterior = vae.encode(film);
      means.push_back(posterior.mean);
      log_variances.push_back(posterior.log_variance);
    }
    return models::Posterior{at::cat(means), at::cat(log_variances)};
  };
  const auto decode = [&vae, latents](const at::Tensor& all) {
    std::vector<at::Tensor> chunks;
    for (const at::Tensor& film : all.split(latents)) {
      vae.decode(film, /*tiled=*/false, [&](const at::Tensor& chunk) { chunks.push_back(chunk); });
    }
    return at::cat(chunks);
  };
  return {encode, decode};
}

VaeLosses computeVaeLosses(const VaeHalves& vae, const VaeLossConfig& config, const VaeBatch& batch,
                           at::ScalarType dtype) {
  const models::Posterior posterior = vae.encode(batch.images.to(dtype));
  const at::Tensor deviation = (posterior.log_variance.to(at::kFloat) * 0.5).exp();
  const at::Tensor latents = posterior.mean.to(at::kFloat) + deviation * batch.noise;
  const at::Tensor error = vae.decode(latents.to(dtype)).to(at::kFloat) - batch.images;
  const at::Tensor reconstruction = error.abs().mean();
  const at::Tensor detail = detailLoss(error);
  const at::Tensor kl = divergence(posterior);
  return {
      .losses = {.total = reconstruction + config.detail * detail + config.kl * kl,
                 .parts = {{"lossReconstruction", reconstruction}, {"lossDetail", detail}, {"lossKl", kl}}},
      .latents = latents};
}

VaeObjective::VaeObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline)
    : pipeline_(pipeline),
      patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      config_(VaeLossConfig::read(recipe.at("objective"))),
      seed_(recipe.at("seed")) {}

std::vector<TrainedNetwork> VaeObjective::networks() const {
  return {{"vae", pipeline_.vae->parameters(), patterns_}};
}

Losses VaeObjective::losses(const MicroBatch& samples, const Caption& /*empty*/) const {
  auto [losses, latents] =
      computeVaeLosses(halvesOf(*pipeline_.vae), config_, makeBatch(samples), pipeline_.dtype);
  if (latents.requires_grad()) {
    const double shift = pipeline_.vae->config().shift_factor;
    losses.measured[kLatentSquare] = (latents.detach() - shift).square().mean();
  }
  return losses;
}

/// Samples of one picture each, and the noise drawn for their latents.
VaeBatch VaeObjective::makeBatch(const MicroBatch& samples) const {
  const models::VaeConfig& vae = pipeline_.vae->config();
  std::vector<at::Tensor> images, noise;
  for (const Sample& sample : samples) {
    images.push_back(picturesOf(vae.scale(), sample.rgb, sample.width, sample.height));
    if (images.back().size(0) != 1) {
      throw Error(ErrorCode::InvalidOption, "a sample for the VAE has more than one picture");
    }
    requireSameSize(images.back(), images.front());
    noise.push_back(
        drawNormal({1, vae.latent_channels, sample.height / vae.scale(), sample.width / vae.scale()},
                   generatorOf(seed_, sample)));
  }
  return {at::cat(images).to(pipeline_.device), at::cat(noise).to(pipeline_.device)};
}

void VaeObjective::update(const std::map<std::string, double>& measured) {
  const auto square = measured.find(kLatentSquare);
  if (square != measured.end()) latent_scale_.update(square->second);
}

std::vector<NamedTensor> VaeObjective::state() const {
  return {{"latent_scale", latent_scale_.state()}};
}

std::vector<Export> VaeObjective::exports() const {
  ParameterSet& vae = pipeline_.vae->parameters();
  const double scale = latent_scale_.factor(pipeline_.vae->config().scaling_factor);
  return {{.part = "vae",
           .tensors = [&vae] { return mergedWeights(vae); },
           .config = {{"scaling_factor", scale}}}};
}

}  // namespace cameo::train
