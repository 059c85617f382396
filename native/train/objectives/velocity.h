#pragma once

#include "families/cogvideox/cogvideox.h"
#include "samplers/noise_schedule.h"
#include "train/films.h"
#include "train/log_normal.h"
#include "train/objective.h"

namespace cameo::train {

/// Throws `ErrorCode::InvalidOption` for frames and sizes of a recipe's data that the transformer has no
/// places for.
void requireTrainedPlaces(const families::CogVideoX& model, const nlohmann::json& data);

/// One step's films.
struct VelocityBatch {
  at::Tensor latents;    // (B, F', C, h, w), scaled, fp32
  at::Tensor noise;      // like latents
  at::Tensor timesteps;  // (B), int64
  at::Tensor text;       // (B, L, D), in the type that the transformer computes in
  at::Tensor image;      // like latents: those of the first picture, then zeros; undefined without one
};

/// The mean squared error of v = sqrt(alpha_t) noise - sqrt(1 - alpha_t) latents (arXiv 2202.00512), which
/// CogVideoX's transformer predicts. It is the clean film's error by 1 / (1 - alpha_t), as diffusers' scripts
/// have it. The part is `lossVideo`.
Losses computeVelocityLosses(const models::CogVideoX& transformer, const samplers::NoiseSchedule& schedule,
                             const VelocityBatch& batch, bool recompute);

/// CogVideoX learns to make films of captions, and of their first frames where it takes a picture.
class VelocityObjective : public Objective {
 public:
  /// Throws as `requireTrainedPlaces`.
  VelocityObjective(const nlohmann::json& recipe, families::CogVideoX& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  /// The transformer's adapters as a LoRA, or the whole transformer.
  std::vector<Export> exports() const override;

 private:
  struct Draws : FilmDraws {
    at::Tensor noise, timestep, image;
  };
  Draws drawSample(const Sample& sample) const;
  at::Tensor drawImage(const Draws& draws) const;

  const families::CogVideoX& pipeline_;
  samplers::NoiseSchedule schedule_;
  std::vector<std::string> patterns_;
  uint64_t seed_;
  double drop_condition_, timestep_shift_;
  LogNormal augmentation_;
  bool recompute_;
};

}  // namespace cameo::train
