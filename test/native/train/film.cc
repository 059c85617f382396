#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <functional>

#include "harness.h"
#include "train/objectives/distillation.h"
#include "train/objectives/edm.h"
#include "train/objectives/flow.h"
#include "train/objectives/phantom.h"
#include "train/objectives/velocity.h"
#include "train/optimizer.h"
#include "train/selection.h"

namespace cameo::test {

namespace {

/// A film model's network, and the losses of a step by it.
struct FilmNetwork {
  ParameterSet& parameters;
  std::function<train::Losses(const Tensors& batch)> losses;
};

using FilmSteps = std::function<Tensors(const FilmNetwork& network)>;

/// What is of one step has that many dimensions and one for all steps.
Tensors filmBatch(const Tensors& in, int64_t step) {
  Tensors batch;
  for (const auto& [name, tensor] : in) {
    const bool is_of_step = name == "latents" || name == "noise" || name == "sigmas" || name == "timesteps";
    batch[name] = is_of_step ? tensor[step] : tensor;
  }
  return batch;
}

Tensors withFilmNetwork(const Json& config, const Tensors& in, const FilmSteps& steps) {
  const bool recompute = config.value("recompute", false);
  const Config network(config.at("network"), "network");
  if (config.at("family") == "svd") {
    models::VideoUNet unet(models::VideoUNetConfig::read(network));
    assignWeights(unet.parameters(), in);
    return steps({unet.parameters(), [&](const Tensors& batch) {
                    return train::computeEdmLosses(unet,
                                                   {.latents = batch.at("latents"),
                                                    .noise = batch.at("noise"),
                                                    .sigmas = batch.at("sigmas"),
                                                    .picture = batch.at("picture"),
                                                    .picture_latents = batch.at("picture_latents"),
                                                    .time_ids = batch.at("time_ids")},
                                                   recompute);
                  }});
  }
  if (config.at("family") == "wan" || config.at("family") == "phantom") {
    models::WanTransformer transformer(models::WanConfig::read(network));
    assignWeights(transformer.parameters(), in);
    return steps({transformer.parameters(), [&](const Tensors& batch) {
                    const train::FlowBatch films{.latents = batch.at("latents"),
                                                 .noise = batch.at("noise"),
                                                 .sigmas = batch.at("sigmas"),
                                                 .text = batch.at("text")};
                    if (config.at("family") == "wan") {
                      return train::computeFlowLosses(transformer, films, recompute);
                    }
                    return train::computePhantomLosses(
                        transformer, {.alpha = config.at("alpha"), .beta = config.at("beta")},
                        {.films = films,
                         .references = batch.at("references"),
                         .reference_noise = batch.at("reference_noise"),
                         .dropped = batch.at("dropped").to(at::kBool)},
                        recompute);
                  }});
  }
  models::CogVideoX transformer(models::CogVideoXConfig::read(network));
  assignWeights(transformer.parameters(), in);
  const samplers::NoiseSchedule schedule(
      samplers::ScheduleConfig::read(Config(config.at("scheduler"), "scheduler")));
  return steps({transformer.parameters(), [&](const Tensors& batch) {
                  if (config.contains("guidance")) {
                    return train::computeDistillationLosses(transformer, transformer.parameters(), schedule,
                                                            {.start = batch.at("latents"),
                                                             .noise = batch.at("noise"),
                                                             .timesteps = batch.at("timesteps").to(at::kLong),
                                                             .text = batch.at("text"),
                                                             .no_text = batch.at("no_text")},
                                                            config.at("guidance"), recompute);
                  }
                  const auto image = batch.find("image");
                  return train::computeVelocityLosses(
                      transformer, schedule,
                      {.latents = batch.at("latents"),
                       .noise = batch.at("noise"),
                       .timesteps = batch.at("timesteps").to(at::kLong),
                       .text = batch.at("text"),
                       .image = image == batch.end() ? at::Tensor() : image->second},
                      recompute);
                }});
}

std::vector<train::Leaf> filmLeaves(ParameterSet& parameters, const Json& config, const Tensors& in) {
  const auto selected = train::selectParameters(parameters, config.at("trained"));
  train::freeze(parameters);
  if (!config.contains("lora")) return train::makeTrainable(selected);
  const auto leaves = train::addAdapters(
      selected, {.rank = config["lora"].at("rank"), .alpha = config["lora"].at("alpha")}, /*seed=*/0);
  const c10::AutoGradMode no_gradients(false);
  for (const train::Leaf& leaf : leaves) leaf.place->copy_(in.at("start/" + leaf.name));
  return leaves;
}

/// Steps of a film model's objective and AdamW with given latents, noise and levels.
Tensors filmSteps(const Json& config, const Tensors& inputs) {
  const c10::InferenceMode off(false);
  Tensors in;
  for (const auto& [name, tensor] : inputs) in[name] = tensor.clone();
  return withFilmNetwork(config, in, [&](const FilmNetwork& network) {
    const auto leaves = filmLeaves(network.parameters, config, in);
    train::AdamW optimizer(train::tensorsOf(leaves), {.beta1 = config.at("betas")[0],
                                                      .beta2 = config.at("betas")[1],
                                                      .eps = config.at("eps"),
                                                      .weight_decay = config.at("weight_decay"),
                                                      .max_gradient_norm = config.at("clip_global_norm")});
    Tensors out;
    std::vector<double> losses, norms;
    for (int64_t i = 0; i < in.at("latents").size(0); ++i) {
      const train::Losses found = network.losses(filmBatch(in, i));
      found.total.backward();
      losses.push_back(found.total.item<double>());
      for (const train::Leaf& leaf : leaves) {
        const at::Tensor& gradient = leaf.place->grad();
        if (i == 0)
          out["grad0/" + leaf.name] = gradient.defined() ? gradient.clone() : at::zeros_like(*leaf.place);
      }
      norms.push_back(optimizer.step(config.at("lr")));
    }
    out["loss"] = at::tensor(losses);
    out["grad_norm"] = at::tensor(norms);
    return out;
  });
}

}  // namespace

const bool kFilmTrainRegistered = addProbe("train.film_steps", filmSteps);

}  // namespace cameo::test
