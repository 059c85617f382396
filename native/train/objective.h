#pragma once

#include <ATen/core/Tensor.h>

#include "models/unet.h"
#include "schedulers/noise_schedule.h"
#include "train/losses.h"

namespace cameo::train {

struct ObjectiveConfig {
  double alpha = 0.01;       // the references' remind noise is that of timestep floor(alpha * t)
  double beta = 0.1;         // weight of the references' loss
  double min_snr_gamma = 0;  // min-SNR weighting (arXiv 2303.09556); 0: none
  bool recompute = false;    // gradient checkpointing, by block
};

/// One step's batch, all scaled latents, fp32: clean ones and the noise drawn for them.
struct Batch {
  at::Tensor latents;          // (B, F, C, h, w)
  at::Tensor noise;            // like latents
  at::Tensor references;       // (B, R, C, h, w); undefined without references
  at::Tensor reference_noise;  // like references
  at::Tensor timesteps;        // (B), int64
  at::Tensor text;             // (B, S, D)
  at::Tensor dropped;          // (B), bool: these samples see no reference; undefined: none does so
};

/// VideoMaker's objective (arXiv 2412.19645, section 3.3, GIRL): the mean squared error of the prediction for
/// the frames at timestep t and, weighted by beta, for the references at floor(alpha * t). The target is the
/// noise, or the velocity where the schedule's prediction is v. Min-SNR weights the frames' loss only. A
/// sample without its condition sees zeros as references, as at inference, and counts as 0 in the mean that
/// is their loss. The parts are `lossVideo` and, where there are references, `lossReference`.
Losses computeLosses(const models::UNet& unet, const schedulers::NoiseSchedule& schedule,
                     const ObjectiveConfig& config, const Batch& batch);

}  // namespace cameo::train
