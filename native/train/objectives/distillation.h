#pragma once

#include "families/cogvideox/cogvideox.h"
#include "samplers/noise_schedule.h"
#include "train/objective.h"

namespace cameo::train {

/// One step's films, of which there is no more than noise.
struct DistillationBatch {
  at::Tensor start;      // (B, F', C, h, w): what the student makes films of, fp32
  at::Tensor noise;      // like start: what is put onto those for the teacher
  at::Tensor timesteps;  // (B), int64: how much of it
  at::Tensor text;       // (B, L, D), in the type that the transformer computes in
  at::Tensor no_text;    // like text: of the empty caption
};

/// Score distillation (SDS, arXiv 2209.14988, equation 3). The student is the transformer with its adapters:
/// x is the clean film that it sees in `start` at the last timestep. The teacher is the same transformer
/// without them: eps_t is the noise that it sees, with guidance, in x_t = sqrt(alpha_t) x + sqrt(1 - alpha_t)
/// noise. Nothing is differentiated through it: the total's gradient for x is (1 - alpha_t) (eps_t - noise)
/// over the number of x's elements, and its value half the mean of that product's square. The part is
/// `lossDistillation`.
Losses computeDistillationLosses(const models::CogVideoX& transformer, ParameterSet& parameters,
                                 const samplers::NoiseSchedule& schedule, const DistillationBatch& batch,
                                 double guidance, bool recompute);

/// A LoRA for CogVideoX learns to make a film in one step, of captions alone.
class DistillationObjective : public Objective {
 public:
  /// Throws `ErrorCode::InvalidOption` for a model that takes a picture, and as `VelocityObjective`.
  DistillationObjective(const nlohmann::json& recipe, families::CogVideoX& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  std::vector<Export> exports() const override;

 private:
  const families::CogVideoX& pipeline_;
  samplers::NoiseSchedule schedule_;
  std::vector<std::string> patterns_;
  uint64_t seed_;
  int64_t frames_;
  double guidance_;
  bool recompute_;
};

}  // namespace cameo::train
