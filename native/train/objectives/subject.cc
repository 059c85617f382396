#include "train/objectives/subject.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"
#include "families/stable_diffusion/subjects.h"
#include "train/selection.h"
#include "weights/lora/subject_adapters.h"
#include "weights/open_weights.h"

namespace cameo::train {

namespace {

/// The references are shared out evenly among the subjects, whose boxes are still ones.
std::shared_ptr<const nn::Regions> regionsOf(const Sample& sample, int64_t stride) {
  const auto count = static_cast<int64_t>(sample.regions.size());
  if (sample.references % count != 0) {
    throw Error(ErrorCode::InvalidOption, "a training sample's subjects have not as many references each");
  }
  std::vector<nn::Subject> subjects;
  for (const auto& box : sample.regions) {
    subjects.push_back(
        {.references = sample.references / count,
         .region = families::boxRegions({box}, sample.height / stride, sample.width / stride)});
  }
  return std::make_shared<const nn::Regions>(std::move(subjects));
}

}  // namespace

Losses computeSubjectLosses(const NoisePredictor& predictor, const SubjectConfig& config,
                            const SubjectBatch& batch) {
  const NoiseBatch& clips = batch.clips;
  const int64_t frames = clips.latents.size(1), references = batch.references.size(1);
  const at::Tensor alpha = predictor.alphaAt(clips.timesteps);
  const at::Tensor reference_alpha =
      predictor.alphaAt((clips.timesteps.to(at::kDouble) * config.alpha).floor().to(at::kLong));
  const at::Tensor kept = batch.dropped.defined() ? batch.dropped.logical_not().to(at::kFloat)
                                                  : at::ones_like(clips.timesteps, at::kFloat);  // (B)
  const at::Tensor noisy = samplers::addNoise(clips.latents, clips.noise, alpha);
  const at::Tensor seen = samplers::addNoise(batch.references, batch.reference_noise, reference_alpha);
  const at::Tensor images = at::cat({noisy, seen * kept.view({-1, 1, 1, 1, 1})}, 1);
  const at::Tensor output = predictor.predict(clips, images, references, batch.regions);

  const at::Tensor video = predictor.framesLoss(clips, output.narrow(1, 0, frames), alpha);
  const at::Tensor errors = predictor.squaredError(output.narrow(1, frames, references), batch.references,
                                                   batch.reference_noise, reference_alpha);
  const at::Tensor reference = (errors * kept).mean();
  return {.total = video + config.beta * reference,
          .parts = {{"lossVideo", video}, {"lossReference", reference}}};
}

SubjectObjective::SubjectObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline)
    : NoiseObjective(recipe, pipeline),
      config_{.alpha = recipe.at("objective").at("alpha"), .beta = recipe.at("objective").at("beta")},
      trains_adapters_(recipe.contains("lora")) {
  pipeline.has_subject = true;
  pipeline.description["subject"] = true;
  for (const TrainedNetwork& network : networks()) {
    for (const Parameter* parameter : selectParameters(network.parameters, network.patterns)) {
      written_.insert(parameter->name);
    }
  }
  if (recipe.at("model").contains("subject")) {
    const std::string path = recipe["model"]["subject"];
    written_.merge(weights::parametersIn(*weights::openWeights(path)));
  }
}

Losses SubjectObjective::losses(const MicroBatch& samples, const Caption& empty) const {
  const std::vector<NoiseDraws> draws = draw(samples);
  std::vector<at::Tensor> reference_noise;
  std::vector<int64_t> dropped;
  std::vector<std::shared_ptr<const nn::Regions>> regions;
  for (const Sample& sample : samples) {
    if (!sample.regions.empty()) regions.push_back(regionsOf(sample, pipeline_.vae->config().scale()));
  }
  if (!regions.empty() && regions.size() != samples.size()) {
    throw Error(ErrorCode::InvalidOption, "some of a micro-batch's samples have regions, and others none");
  }
  for (const NoiseDraws& drawn : draws) {
    requireSameSize(drawn.references, draws.front().references);
    if (drawn.references.size(0) == 0) {
      throw Error(ErrorCode::InvalidOption, "a subject's training sample has no references");
    }
    reference_noise.push_back(drawNormal(drawn.references.sizes(), drawn.generator));
    dropped.push_back(drawn.is_dropped ? 1 : 0);
  }
  const SubjectBatch batch{
      .clips = makeBatch(samples, draws, empty),
      .references = stack(draws, &NoiseDraws::references),
      .reference_noise = at::stack(reference_noise).to(pipeline_.device),
      .dropped = at::tensor(dropped).to(pipeline_.device, at::kBool),
      .regions = std::move(regions),
  };
  return computeSubjectLosses(predictor(), config_, batch);
}

std::vector<Export> SubjectObjective::exports() const {
  ParameterSet& unet = pipeline_.unet->parameters();
  const auto isWritten = [this](const Parameter& parameter) { return written_.contains(parameter.name); };
  return {{.part = "subject",
           .tensors =
               [this, &unet, isWritten] {
                 return trains_adapters_ ? adapterFactors("unet", unet) : mergedWeights(unet, isWritten);
               },
           .metadata = {.reference_cross_attention = pipeline_.unet->config().reference_cross_attention,
                        .noise_correlation = pipeline_.noise_correlation}}};
}

}  // namespace cameo::train
