#include "train/objectives/flow.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include "core/error.h"
#include "core/rng.h"
#include "train/captions.h"

namespace cameo::train {

namespace {

/// The network's times at a sigma of 1.
constexpr double kFlowTimes = 1000;

}  // namespace

Losses computeFlowLosses(const models::WanTransformer& transformer, const FlowBatch& batch, bool recompute) {
  const at::Tensor sigmas = batch.sigmas.view({-1, 1, 1, 1, 1});
  const at::Tensor noisy = (1 - sigmas) * batch.latents + sigmas * batch.noise;
  const models::WanReads texts = transformer.read({.text = transformer.embedTexts(batch.text)});
  const at::Tensor output = transformer.forward({.latents = noisy.to(batch.text.scalar_type()),
                                                 .timesteps = batch.sigmas * kFlowTimes,
                                                 .texts = texts,
                                                 .recompute = recompute});
  const at::Tensor velocity = batch.noise - batch.latents;
  const at::Tensor video = (output.to(at::kFloat) - velocity).square().mean();
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
  const int64_t frames = recipe.at("data").at("frames"), stride = pipeline.vae_codec->timeStride();
  if (frames % stride == 1) return;
  throw Error(ErrorCode::InvalidOption,
              c10::str("data.frames: ", frames, " is not allowed; this model learns on 1, ", 1 + stride, ", ",
                       1 + 2 * stride, " frames and so on"));
}

std::vector<TrainedNetwork> FlowObjective::networks() const {
  return {{"transformer", pipeline_.transformer->parameters(), patterns_}};
}

Losses FlowObjective::losses(const MicroBatch& samples, const std::vector<int32_t>& empty_ids) const {
  std::vector<Draws> draws;
  std::vector<const std::vector<int32_t>*> captions;
  for (const Sample& sample : samples) {
    draws.push_back(drawSample(sample));
    captions.push_back(draws.back().is_dropped ? &empty_ids : &sample.ids);
  }
  const auto batchOf = [&](at::Tensor Draws::*part) { return stacked(draws, part).to(pipeline_.device); };
  return computeFlowLosses(*pipeline_.transformer,
                           {.latents = batchOf(&Draws::latents),
                            .noise = batchOf(&Draws::noise),
                            .sigmas = batchOf(&Draws::sigma),
                            .text = captionStates(*pipeline_.text, captions)},
                           recompute_);
}

FlowObjective::Draws FlowObjective::drawSample(const Sample& sample) const {
  Draws draws;
  static_cast<FilmDraws&>(draws) = drawFilm(*pipeline_.vae_codec, seed_, drop_condition_, sample);
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
