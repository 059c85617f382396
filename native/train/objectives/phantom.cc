#include "train/objectives/phantom.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"

namespace cameo::train {

Losses computePhantomLosses(const models::WanTransformer& transformer, const PhantomConfig& config,
                            const PhantomBatch& batch, bool recompute) {
  const FlowBatch& films = batch.films;
  const int64_t frames = films.latents.size(1), references = batch.references.size(1);
  const at::Tensor kept = batch.dropped.logical_not().to(at::kFloat).view({-1, 1, 1, 1, 1});
  const at::Tensor seen =
      alongFlow(batch.references, batch.reference_noise, films.sigmas * config.alpha) * kept;
  const at::Tensor noisy = alongFlow(films.latents, films.noise, films.sigmas);
  const at::Tensor output = predictVelocity(transformer, at::cat({noisy, seen}, 1), films, recompute);
  const auto error = [](const at::Tensor& found, const at::Tensor& latents, const at::Tensor& noise) {
    return (found - (noise - latents)).square();
  };
  const at::Tensor video = error(output.narrow(1, 0, frames), films.latents, films.noise).mean();
  const at::Tensor of_references =
      error(output.narrow(1, frames, references), batch.references, batch.reference_noise);
  const at::Tensor reference = (of_references * kept).mean();
  return {.total = config.beta > 0 ? video + config.beta * reference : video,
          .parts = {{"lossVideo", video}, {"lossReference", reference}}};
}

PhantomObjective::PhantomObjective(const nlohmann::json& recipe, families::Phantom& pipeline)
    : FlowObjective(recipe, pipeline),
      config_{.alpha = recipe.at("objective").at("alpha"), .beta = recipe.at("objective").at("beta")},
      drop_prompt_(recipe.at("objective").at("dropPrompt")) {}

Losses PhantomObjective::losses(const MicroBatch& samples, const Caption& empty) const {
  const std::vector<Draws> draws = drawAll(samples);
  std::vector<at::Tensor> noise;
  std::vector<int64_t> dropped;
  for (const Draws& drawn : draws) {
    if (!drawn.references.defined()) {
      throw Error(ErrorCode::InvalidOption, "a subject's training sample has no references");
    }
    noise.push_back(drawNormal(drawn.references.sizes(), drawn.generator));
    dropped.push_back(drawn.is_dropped ? 1 : 0);
  }
  const at::Tensor references = batchOf(draws, &Draws::references);
  return computePhantomLosses(transformer(), config_,
                              {.films = makeBatch(samples, draws, empty),
                               .references = references,
                               .reference_noise = at::stack(noise).to(references.device()),
                               .dropped = at::tensor(dropped).to(references.device(), at::kBool)},
                              recomputes());
}

FlowObjective::Draws PhantomObjective::drawSample(const Sample& sample) const {
  Draws draws = FlowObjective::drawSample(sample);
  if (at::rand({}, draws.generator).item<double>() < drop_prompt_) draws.has_prompt = false;
  return draws;
}

}  // namespace cameo::train
