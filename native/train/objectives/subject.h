#pragma once

#include <set>

#include "train/objectives/noise.h"

namespace cameo::train {

struct SubjectConfig {
  double alpha = 0.01;  // the references' remind noise is that of timestep floor(alpha * t)
  double beta = 0.1;    // weight of the references' loss
};

/// One step's clips, and the references of each.
struct SubjectBatch {
  NoiseBatch clips;
  at::Tensor references;       // (B, R, C, h, w)
  at::Tensor reference_noise;  // like references
  at::Tensor dropped;          // (B), bool: these samples see no reference; undefined: none does so
  std::vector<std::shared_ptr<const nn::Regions>> regions =
      {};  // (B) where subjects have regions, else empty
};

/// VideoMaker's objective (arXiv 2412.19645, section 3.3, GIRL): the frames' loss of `computeNoiseLosses`
/// and, weighted by beta, that of the references at floor(alpha * t), which min-SNR does not weight. A sample
/// without its condition sees zeros as references, as at inference, and counts as 0 in the mean that is their
/// loss. The parts are `lossVideo` and `lossReference`.
Losses computeSubjectLosses(const NoisePredictor& predictor, const SubjectConfig& config,
                            const SubjectBatch& batch);

/// A UNet with motion modules learns to take a subject from references, which it sees through PISA.
class SubjectObjective : public NoiseObjective {
 public:
  SubjectObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline);

  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  /// One file: adapters alone in PEFT's names, or whole parameters in diffusers'.
  std::vector<Export> exports() const override;

 private:
  SubjectConfig config_;
  bool trains_adapters_;
  std::set<std::string> written_;  // whole parameters: what is trained, and what the run's subject had
};

}  // namespace cameo::train
