#include "train/objectives/distillation.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "core/error.h"
#include "core/rng.h"
#include "train/captions.h"
#include "train/objectives/velocity.h"
#include "train/selection.h"

namespace cameo::train {

namespace {

/// Of the schedule: noise that is next to nothing or all says nothing of a film.
constexpr double kFirstShare = 0.02, kLastShare = 0.98;

/// The network's v for `noisy` films, fp32.
at::Tensor velocityOf(const models::CogVideoX& transformer, const at::Tensor& noisy,
                      const at::Tensor& timesteps, const at::Tensor& text, bool recompute) {
  return transformer
      .forward({.latents = noisy.to(text.scalar_type()),
                .timesteps = timesteps,
                .text = text,
                .offset = families::CogVideoX::kOffset,
                .recompute = recompute})
      .to(at::kFloat);
}

}  // namespace

Losses computeDistillationLosses(const models::CogVideoX& transformer, ParameterSet& parameters,
                                 const samplers::NoiseSchedule& schedule, const DistillationBatch& batch,
                                 double guidance, bool recompute) {
  const auto alphaAt = [&](const at::Tensor& timesteps) {
    return schedule.alphaCumprod(timesteps).view({-1, 1, 1, 1, 1});
  };
  const at::Tensor last = at::full_like(batch.timesteps, schedule.config().train_timesteps - 1);
  const at::Tensor start_alpha = alphaAt(last);
  const at::Tensor film =
      start_alpha.sqrt() * batch.start -
      (1 - start_alpha).sqrt() * velocityOf(transformer, batch.start, last, batch.text, recompute);
  at::Tensor push;
  {
    const c10::AutoGradMode no_gradients(false);
    const WithoutAdapters teacher(parameters);
    const at::Tensor alpha = alphaAt(batch.timesteps);
    const at::Tensor noisy = samplers::addNoise(film, batch.noise, alpha);
    const auto sees = [&](const at::Tensor& text) {
      return velocityOf(transformer, noisy, batch.timesteps, text, false);
    };
    const at::Tensor without = sees(batch.no_text);
    const at::Tensor velocity = without + guidance * (sees(batch.text) - without);
    const at::Tensor noise = alpha.sqrt() * velocity + (1 - alpha).sqrt() * noisy;
    push = (1 - alpha) * (noise - batch.noise);
  }
  const at::Tensor loss = 0.5 * (film - (film.detach() - push)).square().mean();
  return {.total = loss, .parts = {{"lossDistillation", loss}}};
}

DistillationObjective::DistillationObjective(const nlohmann::json& recipe, families::CogVideoX& pipeline)
    : pipeline_(pipeline),
      schedule_(pipeline.schedule()),
      patterns_(recipe.at("trained").get<std::vector<std::string>>()),
      seed_(recipe.at("seed")),
      frames_(recipe.at("data").at("frames")),
      guidance_(recipe.at("objective").at("guidanceScale")),
      recompute_(recipe.at("gradientCheckpointing")) {
  if (pipeline.takesImage()) {
    throw Error(ErrorCode::InvalidOption,
                "kind \"distillation\" trains a CogVideoX model that makes films of a text alone, and "
                "model.base takes a picture; name another base");
  }
  requireTrainedPlaces(pipeline, recipe.at("data"));
}

std::vector<TrainedNetwork> DistillationObjective::networks() const {
  return {{"transformer", pipeline_.transformer->parameters(), patterns_}};
}

Losses DistillationObjective::losses(const MicroBatch& samples, const Caption& empty) const {
  const pipeline::LatentCodec& codec = pipeline_.codec();
  const auto count = static_cast<double>(schedule_.config().train_timesteps);
  std::vector<at::Tensor> starts, noises;
  std::vector<int64_t> timesteps;
  std::vector<const Caption*> captions;
  for (const Sample& sample : samples) {
    const at::Generator generator = generatorOf(seed_, sample);
    const std::vector<int64_t> shape = {codec.latentFrames(frames_), codec.channels(),
                                        sample.height / codec.stride(), sample.width / codec.stride()};
    timesteps.push_back(at::randint(static_cast<int64_t>(kFirstShare * count),
                                    static_cast<int64_t>(kLastShare * count), {}, generator, at::kLong)
                            .item<int64_t>());
    starts.push_back(drawNormal(shape, generator));
    noises.push_back(drawNormal(shape, generator));
    requireSameSize(starts.back(), starts.front());
    captions.push_back(&sample.caption);
  }
  const at::Tensor no_text = captionStates(*pipeline_.text, {&empty});
  const auto batchOf = [&](const std::vector<at::Tensor>& rows) {
    return at::stack(rows).to(pipeline_.device);
  };
  const at::Tensor text = captionStates(*pipeline_.text, captions);
  return computeDistillationLosses(*pipeline_.transformer, pipeline_.transformer->parameters(), schedule_,
                                   {.start = batchOf(starts),
                                    .noise = batchOf(noises),
                                    .timesteps = at::tensor(timesteps, at::kLong).to(pipeline_.device),
                                    .text = text,
                                    .no_text = no_text.expand_as(text)},
                                   guidance_, recompute_);
}

std::vector<Export> DistillationObjective::exports() const {
  return denoiserExports("transformer", pipeline_.transformer->parameters());
}

}  // namespace cameo::train
