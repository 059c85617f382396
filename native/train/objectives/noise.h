#pragma once

#include <ATen/core/Generator.h>

#include "families/stable_diffusion/stable_diffusion.h"
#include "nn/regions.h"
#include "samplers/noise_schedule.h"
#include "train/objective.h"

namespace cameo::train {

struct NoiseConfig {
  double drop_condition = 0.1;  // probability that a sample loses its condition
  double timestep_shift = 1;    // see `shiftTimestep`
  double min_snr_gamma = 0;     // min-SNR weighting (arXiv 2303.09556); 0: none
  bool recompute = false;       // gradient checkpointing, by block
};

/// One step's frames, scaled latents in fp32: clean ones and the noise drawn for them.
struct NoiseBatch {
  at::Tensor latents;    // (B, F, C, h, w)
  at::Tensor noise;      // like latents
  at::Tensor timesteps;  // (B), int64
  at::Tensor text;       // (B, S, D), in the type that the UNet computes in
};

/// A UNet that predicts noise, and how far off it is. It only refers to what it is made of.
struct NoisePredictor {
  const models::UNet& unet;
  const samplers::NoiseSchedule& schedule;
  const NoiseConfig& config;

  /// alpha_t for each of `timesteps` (B), as (B, 1, 1, 1, 1).
  at::Tensor alphaAt(const at::Tensor& timesteps) const;
  /// The output for `images` (B, F+R, C, h, w), the batch's frames with their noise; the last `references` of
  /// them are references. `regions`, where there are any, has each sample's.
  at::Tensor predict(const NoiseBatch& batch, const at::Tensor& images, int64_t references,
                     const std::vector<std::shared_ptr<const nn::Regions>>& regions = {}) const;
  /// Each sample's mean squared error of the output for `clean` images with `noise`, (B). The target is the
  /// noise, or the velocity where the schedule's prediction is v.
  at::Tensor squaredError(const at::Tensor& output, const at::Tensor& clean, const at::Tensor& noise,
                          const at::Tensor& alpha) const;
  /// The mean of the frames' errors, by min-SNR's weights where the config wants them.
  at::Tensor framesLoss(const NoiseBatch& batch, const at::Tensor& output, const at::Tensor& alpha) const;
};

/// The mean squared error of the prediction for the frames at timestep t. The part is `lossVideo`.
Losses computeNoiseLosses(const NoisePredictor& predictor, const NoiseBatch& batch);

/// What was drawn for one sample, without the batch's dimension, on the CPU. Frames' latents are drawn from
/// the posterior, references' are its mode, as in sampling.
struct NoiseDraws {
  at::Generator generator;  // for what else is drawn for this sample
  at::Tensor latents, noise, timestep;
  at::Tensor references;  // (R, C, h, w), scaled latents
  bool is_dropped = false;
};

/// A UNet learns to predict the noise in images or clips. The UNet or its motion modules, and the text
/// encoder beside it, are trained.
class NoiseObjective : public Objective {
 public:
  NoiseObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  std::vector<Export> exports() const override;

 protected:
  std::vector<NoiseDraws> draw(const MicroBatch& samples) const;
  NoiseBatch makeBatch(const MicroBatch& samples, const std::vector<NoiseDraws>& draws,
                       const Caption& empty) const;

  NoisePredictor predictor() const { return {*pipeline_.unet, schedule_, config_}; }
  /// One of the draws' tensors as a batch.
  at::Tensor stack(const std::vector<NoiseDraws>& draws, at::Tensor NoiseDraws::*part) const;

  const families::StableDiffusion& pipeline_;

 private:
  NoiseDraws drawSample(const Sample& sample) const;

  samplers::NoiseSchedule schedule_;
  NoiseConfig config_;
  uint64_t seed_;
  std::vector<std::string> unet_patterns_;
  bool trains_text_;
};

}  // namespace cameo::train
