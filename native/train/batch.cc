#include "train/batch.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "core/error.h"
#include "core/rng.h"
#include "pipeline/conditioning.h"
#include "schedulers/noise_prior.h"
#include "train/timestep_shift.h"

namespace cameo::train {

namespace {

EncodedImages latentsOf(const pipeline::Pipeline& pipeline, const Sample& sample) {
  if (sample.kept) return *sample.kept;
  EncodedImages images = encodeImages(pipeline, sample.rgb, sample.width, sample.height);
  if (!sample.cache_path.empty()) writeLatents(sample.cache_path, images);
  return images;
}

at::Generator generatorOf(uint64_t seed, const Sample& sample) {
  return makeGenerator(seed, RandomStream::TrainingSample, static_cast<uint64_t>(sample.position));
}

void requireSameSize(const at::Tensor& sample, const at::Tensor& first) {
  if (sample.sizes() == first.sizes()) return;
  throw Error(ErrorCode::InvalidOption, "the samples of a micro-batch differ in size");
}

/// What one sample contributes to a batch, without the batch's dimension.
struct Draws {
  at::Tensor latents, noise, references, reference_noise, timestep;
  bool dropped = false;
};

Draws drawSample(const pipeline::Pipeline& pipeline, const TrainerOptions& options, const Sample& sample) {
  const models::VaeConfig& vae = pipeline.vae->config();
  const EncodedImages images = latentsOf(pipeline, sample);
  const int64_t frames = images.mean.size(0) - sample.references;
  if (frames < 1) throw Error(ErrorCode::InvalidOption, "a training sample has no frames");
  const auto scaled = [&](const at::Tensor& latents) {
    return (latents - vae.shift_factor) * vae.scaling_factor;
  };
  const at::Generator generator = generatorOf(options.seed, sample);
  Draws draws;
  draws.dropped = at::rand({}, generator).item<double>() < options.drop_condition;
  const int64_t timesteps = pipeline.schedule.train_timesteps;
  const auto drawn = at::randint(timesteps, {}, generator, at::kLong).item<int64_t>();
  draws.timestep = at::scalar_tensor(shiftTimestep(drawn, timesteps, options.timestep_shift), at::kLong);
  const at::Tensor mean = images.mean.narrow(0, 0, frames);
  const at::Tensor deviation = images.log_variance.narrow(0, 0, frames).mul(0.5).exp();
  draws.latents = scaled(mean + deviation * drawNormal(mean.sizes(), generator));
  draws.noise = schedulers::correlateFrames(drawNormal(mean.sizes(), generator), pipeline.noise_correlation);
  if (sample.references > 0) {
    draws.references = scaled(images.mean.narrow(0, frames, sample.references));
    draws.reference_noise = drawNormal(draws.references.sizes(), generator);
  }
  return draws;
}

at::Tensor encodeCaptions(const pipeline::Pipeline& pipeline,
                          const std::vector<const std::vector<int32_t>*>& ids, bool record) {
  for (const auto* row : ids) pipeline::checkIds(pipeline, "caption", *row);
  const c10::AutoGradMode recording(record);
  return pipeline::encodeText(pipeline, ids);
}

}  // namespace

Batch makeBatch(const pipeline::Pipeline& pipeline, const TrainerOptions& options, const MicroBatch& samples,
                const std::vector<int32_t>& empty_ids, bool train_text) {
  std::vector<Draws> drawn;
  std::vector<const std::vector<int32_t>*> ids;
  for (const Sample& sample : samples) {
    drawn.push_back(drawSample(pipeline, options, sample));
    ids.push_back(drawn.back().dropped ? &empty_ids : &sample.ids);
    requireSameSize(drawn.back().latents, drawn.front().latents);
  }
  const auto stack = [&](at::Tensor Draws::*part) {
    std::vector<at::Tensor> rows;
    for (const Draws& draws : drawn) rows.push_back(draws.*part);
    return at::stack(rows).to(pipeline.device);
  };
  Batch batch;
  batch.latents = stack(&Draws::latents);
  batch.noise = stack(&Draws::noise);
  batch.timesteps = stack(&Draws::timestep);
  if (samples.front().references > 0) {
    batch.references = stack(&Draws::references);
    batch.reference_noise = stack(&Draws::reference_noise);
    std::vector<int64_t> dropped;
    for (const Draws& draws : drawn) dropped.push_back(draws.dropped ? 1 : 0);
    batch.dropped = at::tensor(dropped).to(pipeline.device, at::kBool);
  }
  batch.text = encodeCaptions(pipeline, ids, train_text);
  return batch;
}

VaeBatch makeVaeBatch(const pipeline::Pipeline& pipeline, uint64_t seed, const MicroBatch& samples) {
  const models::VaeConfig& vae = pipeline.vae->config();
  std::vector<at::Tensor> images, noise;
  for (const Sample& sample : samples) {
    images.push_back(picturesOf(pipeline, sample.rgb, sample.width, sample.height));
    if (images.back().size(0) != 1) {
      throw Error(ErrorCode::InvalidOption, "a sample for the VAE has more than one picture");
    }
    requireSameSize(images.back(), images.front());
    noise.push_back(
        drawNormal({1, vae.latent_channels, sample.height / vae.scale(), sample.width / vae.scale()},
                   generatorOf(seed, sample)));
  }
  return {at::cat(images).to(pipeline.device), at::cat(noise).to(pipeline.device)};
}

}  // namespace cameo::train
