#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include "families/stable_diffusion/subjects.h"
#include "harness.h"
#include "models/wan_vae/wan_vae.h"
#include "nn/layout.h"
#include "nn/pisa.h"
#include "train/ema.h"
#include "train/latent_scale.h"
#include "train/learning_rate.h"
#include "train/objectives/subject.h"
#include "train/objectives/vae.h"
#include "train/optimizer.h"
#include "train/selection.h"
#include "train/timestep_shift.h"
#include "weights/diffusers_folder.h"
#include "weights/load.h"
#include "weights/open_weights.h"

namespace cameo::test {

namespace {

/// Tensors that were made in inference mode, as ones that autograd takes.
Tensors outsideInference(const Tensors& in) {
  Tensors out;
  for (const auto& [name, tensor] : in) out[name] = tensor.clone();
  return out;
}

/// Gradients of sum(out * grad) for q, k, v by both forms of PISA.
Tensors pisaGradients(const Json& config, const Tensors& inputs) {
  const c10::InferenceMode off(false);
  const Tensors in = outsideInference(inputs);
  const nn::FrameLayout layout = frameLayout(config, in);
  const auto form = config.at("form") == "concatenated" ? nn::pisaConcatenated : nn::pisaMerged;
  at::Tensor q = in.at("q"), k = in.at("k"), v = in.at("v");
  for (at::Tensor* leaf : {&q, &k, &v}) leaf->set_requires_grad(true);
  const at::Tensor out = form(q, k, v, config.at("heads"), layout);
  (out * in.at("grad")).sum().backward();
  return {{"out", out.detach()}, {"q", q.grad()}, {"k", k.grad()}, {"v", v.grad()}};
}

at::ScalarType computedIn(const Json& config) {
  return config.value("dtype", "fp32") == "bf16" ? at::kBFloat16 : at::kFloat;
}

models::UNet loadUNet(const Json& config) {
  const auto base = weights::openComponent(config.at("base").get<std::string>() + "/unet", "the UNet");
  std::vector<weights::Layer> layers = {{weights::openWeights(base.weights)}};
  std::optional<Config> motion_config;
  if (config.contains("motion")) {
    const auto motion = weights::openComponent(config.at("motion"), "the motion adapter");
    motion_config.emplace(motion.config, motion.path);
    layers.push_back({weights::openWeights(motion.weights)});
  }
  if (config.contains("subject")) layers.push_back({weights::openWeights(config.at("subject"))});
  models::UNet unet(
      models::UNetConfig::read(Config(base.config, base.path), motion_config ? &*motion_config : nullptr));
  weights::load(unet.parameters(), layers, {.network = "UNet", .dtype = computedIn(config)});
  return unet;
}

/// (B, C, T, h, w) -> (B, T, C, h, w)
at::Tensor asFrames(const at::Tensor& video) {
  return video.transpose(1, 2).contiguous();
}

/// The micro-batch's part of an input that is shared by all of them where it has only `dims` dimensions.
at::Tensor partOf(const at::Tensor& tensor, int64_t dims, int64_t index) {
  return tensor.dim() == dims ? tensor : tensor[index];
}

/// Of each sample, from the boxes of its subjects, which have one reference each.
std::vector<std::shared_ptr<const nn::Regions>> regionsOf(const Json& samples,
                                                          const train::SubjectBatch& batch) {
  const int64_t height = batch.references.size(3), width = batch.references.size(4);
  std::vector<std::shared_ptr<const nn::Regions>> regions;
  for (const Json& boxes : samples) {
    std::vector<nn::Subject> subjects;
    for (const Json& box : boxes) {
      subjects.push_back({.references = 1, .region = families::boxRegions({box}, height, width)});
    }
    regions.push_back(std::make_shared<const nn::Regions>(std::move(subjects)));
  }
  return regions;
}

/// The losses of a micro-batch: a subject's where there are references.
train::Losses lossesOf(const train::NoisePredictor& predictor, const Json& config, const Tensors& in,
                       int64_t index) {
  const train::NoiseBatch clips{.latents = asFrames(in.at("latents")[index]),
                                .noise = asFrames(in.at("noise")[index]),
                                .timesteps = in.at("timesteps")[index].reshape({-1}).to(at::kLong),
                                .text = partOf(in.at("prompt_embeds"), 3, index).to(computedIn(config))};
  if (!in.contains("reference_latents")) return train::computeNoiseLosses(predictor, clips);
  train::SubjectBatch batch{.clips = clips,
                            .references = asFrames(partOf(in.at("reference_latents"), 5, index)),
                            .reference_noise = asFrames(in.at("reference_noise")[index]),
                            .dropped = {}};
  if (in.contains("dropped")) batch.dropped = in.at("dropped")[index].to(at::kBool);
  if (config.contains("regions")) batch.regions = regionsOf(config.at("regions").at(index), batch);
  return train::computeSubjectLosses(predictor, {.alpha = config.at("alpha"), .beta = config.at("beta")},
                                     batch);
}

train::AdamWConfig adamWConfig(const Json& config) {
  return {.beta1 = config.at("betas")[0],
          .beta2 = config.at("betas")[1],
          .eps = config.at("eps"),
          .weight_decay = config.at("weight_decay"),
          .max_gradient_norm = config.at("clip_global_norm")};
}

/// Adapters with the given factors `start/<name>` in place of drawn ones.
std::vector<train::Leaf> adapters(const std::vector<Parameter*>& selected, const Json& config,
                                  const Tensors& in) {
  const auto leaves =
      train::addAdapters(selected, {.rank = config.at("rank"), .alpha = config.at("alpha")}, /*seed=*/0);
  const c10::AutoGradMode no_gradients(false);
  for (const train::Leaf& leaf : leaves) leaf.place->copy_(in.at("start/" + leaf.name));
  return leaves;
}

/// Every leaf's gradient, and how many leaves and gradients are fp32.
void addGradients(const std::vector<train::Leaf>& leaves, Tensors& out) {
  int64_t fp32_leaves = 0, fp32_gradients = 0;
  for (const train::Leaf& leaf : leaves) {
    const at::Tensor& gradient = leaf.place->grad();
    out["grad0/" + leaf.name] = gradient.clone();
    fp32_leaves += leaf.place->scalar_type() == at::kFloat ? 1 : 0;
    fp32_gradients += gradient.scalar_type() == at::kFloat ? 1 : 0;
  }
  out["fp32_leaves"] = at::scalar_tensor(fp32_leaves);
  out["fp32_gradients"] = at::scalar_tensor(fp32_gradients);
}

/// Steps of the objective and AdamW with given latents, noise and timesteps.
Tensors trainSteps(const Json& config, const Tensors& inputs) {
  const c10::InferenceMode off(false);
  const Tensors in = outsideInference(inputs);
  models::UNet unet = loadUNet(config);
  const samplers::NoiseSchedule schedule(
      samplers::ScheduleConfig::read(Config(config.at("scheduler"), "scheduler")));
  const train::NoiseConfig objective{.min_snr_gamma = config.value("min_snr_gamma", 0.0),
                                     .recompute = config.value("recompute", false)};
  const train::NoisePredictor predictor{unet, schedule, objective};
  const int64_t accumulation = config.value("accumulation", 1);
  const auto selected = train::selectParameters(unet.parameters(), config.at("trained"));
  train::freeze(unet.parameters());
  const std::vector<train::Leaf> leaves =
      config.contains("lora") ? adapters(selected, config.at("lora"), in) : train::makeTrainable(selected);
  train::AdamW optimizer(train::tensorsOf(leaves), adamWConfig(config));
  Tensors out;
  std::vector<double> total, video, reference, norms;
  for (int64_t i = 0; i < in.at("latents").size(0); ++i) {
    const train::Losses losses = lossesOf(predictor, config, in, i);
    (losses.total / static_cast<double>(accumulation)).backward();
    total.push_back(losses.total.item<double>());
    video.push_back(losses.parts.at("lossVideo").item<double>());
    if (losses.parts.contains("lossReference"))
      reference.push_back(losses.parts.at("lossReference").item<double>());
    if ((i + 1) % accumulation != 0) continue;
    if (norms.empty()) addGradients(leaves, out);
    norms.push_back(optimizer.step(config.at("lr")));
  }
  out["loss"] = at::tensor(total);
  out["loss_video"] = at::tensor(video);
  out["loss_reg"] = at::tensor(reference);
  out["grad_norm"] = at::tensor(norms);
  for (const train::Leaf& leaf : leaves) out["after/" + leaf.name] = leaf.place->detach().norm();
  return out;
}

/// The learning rate of each step.
Tensors learningRates(const Json& config, const Tensors&) {
  const train::LearningRateConfig schedule{.peak = config.at("peak"),
                                           .warmup = config.at("warmup"),
                                           .cosine = config.at("schedule") == "cosine",
                                           .last = config.at("last"),
                                           .total_steps = config.at("steps")};
  std::vector<double> rates;
  for (int64_t i = 0; i < schedule.total_steps; ++i) rates.push_back(train::learningRate(schedule, i));
  return {{"learning_rate", at::tensor(rates)}};
}

/// What each timestep becomes.
Tensors shiftedTimesteps(const Json& config, const Tensors&) {
  const int64_t count = config.at("count");
  std::vector<int64_t> shifted;
  for (int64_t t = 0; t < count; ++t) shifted.push_back(train::shiftTimestep(t, count, config.at("shift")));
  return {{"timesteps", at::tensor(shifted)}};
}

/// The factor after each of `squares`.
Tensors latentScale(const Json& config, const Tensors& in) {
  train::LatentScale scale;
  std::vector<double> factors = {scale.factor(config.at("otherwise"))};
  for (const at::Tensor& square : in.at("squares").unbind()) {
    scale.update(square.item<double>());
    factors.push_back(scale.factor(config.at("otherwise")));
  }
  return {{"factors", at::tensor(factors)}};
}

/// Means and deviations after each of `latents` (steps, n, channels).
Tensors channelMoments(const Json&, const Tensors& in) {
  train::ChannelMoments moments(in.at("latents").size(2));
  const auto listOf = [](const at::Tensor& x) {
    const at::Tensor numbers = x.to(at::kDouble).contiguous();
    return std::vector<double>(numbers.const_data_ptr<double>(),
                               numbers.const_data_ptr<double>() + numbers.numel());
  };
  std::vector<at::Tensor> means, deviations;
  for (const at::Tensor& step : in.at("latents").to(at::kDouble).unbind()) {
    moments.update(listOf(step.mean(0)), listOf(step.square().mean(0)));
    means.push_back(at::tensor(moments.means()));
    deviations.push_back(at::tensor(moments.deviations()));
  }
  return {{"means", at::stack(means)}, {"deviations", at::stack(deviations)}};
}

/// The averages after each of `values` but the first, which they start from.
Tensors movingAverages(const Json& config, const Tensors& in) {
  const at::Tensor& values = in.at("values");
  train::Ema ema({values[0]}, config.at("decay"));
  std::vector<at::Tensor> averages;
  for (int64_t i = 1; i < values.size(0); ++i) {
    ema.update({values[i]});
    averages.push_back(ema.averages()[0].clone());
  }
  return {{"averages", at::stack(averages)}};
}

/// The VAE's losses and every parameter's gradient.
Tensors vaeObjective(const Json& config, const Tensors& inputs) {
  const c10::InferenceMode off(false);
  const Tensors in = outsideInference(inputs);
  const Config network(config.at("vae"), "VAE");
  std::unique_ptr<models::Vae> of_pictures;
  std::unique_ptr<models::WanVae> of_films;
  if (config.contains("frames")) {
    of_films = std::make_unique<models::WanVae>(models::WanVaeConfig::read(network));
  } else {
    of_pictures = std::make_unique<models::Vae>(models::VaeConfig::read(network));
  }
  ParameterSet& parameters = of_films ? of_films->parameters() : of_pictures->parameters();
  assignWeights(parameters, in);
  const auto leaves = train::makeTrainable(train::selectParameters(parameters, {"all"}));
  const auto [losses, latents] = train::computeVaeLosses(
      of_films ? train::halvesOf(*of_films, config["frames"]) : train::halvesOf(*of_pictures),
      {.detail = config.at("detail"), .kl = config.at("kl")},
      {.images = in.at("images"), .noise = in.at("noise")}, computedIn(config));
  losses.total.backward();
  Tensors out{{"total", losses.total.detach()}, {"latents", latents.detach()}};
  for (const auto& [name, part] : losses.parts) out[name] = part.detach();
  for (const train::Leaf& leaf : leaves) out["grad/" + leaf.name] = leaf.place->grad();
  return out;
}

}  // namespace

const bool kTrainRegistered =
    addProbe("nn.pisa_gradients", pisaGradients) && addProbe("train.steps", trainSteps) &&
    addProbe("train.learning_rate", learningRates) && addProbe("train.timestep_shift", shiftedTimesteps) &&
    addProbe("train.ema", movingAverages) && addProbe("train.latent_scale", latentScale) &&
    addProbe("train.channel_moments", channelMoments) && addProbe("train.vae_objective", vaeObjective);

}  // namespace cameo::test
