#include "train/objectives/flow.h"

#include <ATen/ATen.h>

#include "core/rng.h"
#include "train/captions.h"

namespace cameo::train {

namespace {

/// The network's times at a sigma of 1.
constexpr double kFlowTimes = 1000;

}  // namespace

at::Tensor alongFlow(const at::Tensor& latents, const at::Tensor& noise, const at::Tensor& sigmas) {
  const at::Tensor each = sigmas.view({-1, 1, 1, 1, 1});
  return (1 - each) * latents + each * noise;
}

at::Tensor predictVelocity(const models::WanTransformer& transformer, const at::Tensor& noisy,
                           const FlowBatch& batch, bool recompute) {
  const models::WanReads texts = transformer.read(transformer.embedTexts(batch.text));
  return transformer
      .forward({.latents = noisy.to(batch.text.scalar_type()),
                .timesteps = batch.sigmas * kFlowTimes,
                .texts = texts,
                .recompute = recompute})
      .to(at::kFloat);
}

Losses computeFlowLosses(const models::WanTransformer& transformer, const FlowBatch& batch, bool recompute) {
  const at::Tensor noisy = alongFlow(batch.latents, batch.noise, batch.sigmas);
  const at::Tensor output = predictVelocity(transformer, noisy, batch, recompute);
  const at::Tensor video = (output - (batch.noise - batch.latents)).square().mean();
  return {.total = video, .parts = {{"lossVideo", video}}};
}

FlowObjective::FlowObjective(const nlohmann::json& recipe, families::Wan& pipeline)
    : pipeline_(pipeline),
      patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      seed_(recipe.at("seed")),
      drop_condition_(recipe.at("objective").at("dropCondition")),
      timestep_shift_(recipe.at("objective").at("timestepShift")),
      logit_normal_(recipe.at("objective").at("timesteps") == "logit-normal"),
      recompute_(recipe.at("gradientCheckpointing")) {
  requireFrames(recipe.at("data").at("frames"), /*fewest=*/1, pipeline.vae_codec->timeStride());
}

std::vector<TrainedNetwork> FlowObjective::networks() const {
  return {{"transformer", pipeline_.transformer->parameters(), patterns_}};
}

Losses FlowObjective::losses(const MicroBatch& samples, const Caption& empty) const {
  return computeFlowLosses(transformer(), makeBatch(samples, drawAll(samples), empty), recompute_);
}

std::vector<FlowObjective::Draws> FlowObjective::drawAll(const MicroBatch& samples) const {
  std::vector<Draws> draws;
  for (const Sample& sample : samples) draws.push_back(drawSample(sample));
  return draws;
}

FlowBatch FlowObjective::makeBatch(const MicroBatch& samples, const std::vector<Draws>& draws,
                                   const Caption& empty) const {
  std::vector<const Caption*> captions;
  for (size_t i = 0; i < draws.size(); ++i) {
    captions.push_back(draws[i].has_prompt ? &samples[i].caption : &empty);
  }
  return {.latents = batchOf(draws, &Draws::latents),
          .noise = batchOf(draws, &Draws::noise),
          .sigmas = batchOf(draws, &Draws::sigma),
          .text = captionStates(*pipeline_.text, captions)};
}

FlowObjective::Draws FlowObjective::drawSample(const Sample& sample) const {
  Draws draws;
  static_cast<FilmDraws&>(draws) = drawFilm(*pipeline_.vae_codec, seed_, drop_condition_, sample);
  draws.has_prompt = !draws.is_dropped;
  const at::Tensor drawn =
      logit_normal_ ? drawNormal({}, draws.generator).sigmoid() : at::rand({}, draws.generator);
  draws.sigma = timestep_shift_ * drawn / (1 + (timestep_shift_ - 1) * drawn);
  draws.noise = drawNormal(draws.latents.sizes(), draws.generator);
  return draws;
}

std::vector<Export> FlowObjective::exports() const {
  return denoiserExports("transformer", pipeline_.transformer->parameters());
}

}  // namespace cameo::train
