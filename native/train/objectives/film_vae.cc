#include "train/objectives/film_vae.h"

#include <ATen/ATen.h>

#include "core/rng.h"
#include "train/films.h"

namespace cameo::train {

namespace {

/// What a step measures of its latents, of each channel.
std::string meanOf(int64_t channel) {
  return "latentMean" + std::to_string(channel);
}

std::string squareOf(int64_t channel) {
  return "latentSquare" + std::to_string(channel);
}

}  // namespace

FilmVaeObjective::FilmVaeObjective(const nlohmann::json& recipe, families::Wan& pipeline)
    : pipeline_(pipeline),
      patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      config_(VaeLossConfig::read(recipe.at("objective"))),
      seed_(recipe.at("seed")),
      frames_(recipe.at("data").at("frames")),
      moments_(pipeline.vae_codec->channels()) {
  requireFrames(frames_, /*fewest=*/1, pipeline.vae_codec->timeStride());
}

std::vector<TrainedNetwork> FilmVaeObjective::networks() const {
  return {{"vae", pipeline_.vae->parameters(), patterns_}};
}

Losses FilmVaeObjective::losses(const MicroBatch& samples, const Caption& /*empty*/) const {
  auto [losses, latents] =
      computeVaeLosses(halvesOf(*pipeline_.vae, frames_), config_, makeBatch(samples), pipeline_.dtype);
  if (!latents.requires_grad()) return losses;
  const at::Tensor drawn = latents.detach();
  const at::Tensor means = drawn.mean({0, 2, 3}), squares = drawn.square().mean({0, 2, 3});
  for (int64_t i = 0; i < drawn.size(1); ++i) {
    losses.measured[meanOf(i)] = means[i];
    losses.measured[squareOf(i)] = squares[i];
  }
  return losses;
}

VaeBatch FilmVaeObjective::makeBatch(const MicroBatch& samples) const {
  const pipeline::LatentCodec& codec = *pipeline_.vae_codec;
  std::vector<at::Tensor> images, noise;
  for (const Sample& sample : samples) {
    images.push_back(picturesOf(codec.stride(), sample.rgb, sample.width, sample.height));
    requireSameSize(images.back(), images.front());
    noise.push_back(drawNormal({codec.latentFrames(images.back().size(0)), codec.channels(),
                                sample.height / codec.stride(), sample.width / codec.stride()},
                               generatorOf(seed_, sample)));
  }
  return {at::cat(images).to(pipeline_.device), at::cat(noise).to(pipeline_.device)};
}

void FilmVaeObjective::update(const std::map<std::string, double>& measured) {
  if (measured.empty()) return;
  std::vector<double> means, squares;
  for (int64_t i = 0; i < moments_.state().size(1); ++i) {
    means.push_back(measured.at(meanOf(i)));
    squares.push_back(measured.at(squareOf(i)));
  }
  moments_.update(means, squares);
}

std::vector<NamedTensor> FilmVaeObjective::state() const {
  return {{"latent_moments", moments_.state()}};
}

std::vector<Export> FilmVaeObjective::exports() const {
  ParameterSet& vae = pipeline_.vae->parameters();
  Export whole{.part = "vae", .tensors = [&vae] { return mergedWeights(vae); }};
  if (moments_.isKnown()) {
    whole.config = {{"latents_mean", moments_.means()}, {"latents_std", moments_.deviations()}};
  }
  return {std::move(whole)};
}

}  // namespace cameo::train
