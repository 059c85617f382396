#pragma once

#include "families/wan/phantom.h"
#include "train/objectives/flow.h"

namespace cameo::train {

struct PhantomConfig {
  double alpha = 0;  // the references' sigma is alpha times the film's
  double beta = 0;   // weight of the references' loss
};

struct PhantomBatch {
  FlowBatch films;
  at::Tensor references;       // (B, R, C, h, w), scaled, fp32
  at::Tensor reference_noise;  // like references
  at::Tensor dropped;          // (B), bool: these see zeros in place of references
};

/// The loss of `computeFlowLosses` where the references' latents stand after the film's, with a noise of
/// their own of alpha * sigma, or none (Phantom, arXiv 2502.11079). With beta the velocity that is predicted
/// for those counts, too (VideoMaker's GIRL, arXiv 2412.19645, section 3.3, on flow matching):
///   total = lossVideo + beta * lossReference,
/// both means of squared errors, the latter 0 where references were dropped.
Losses computePhantomLosses(const models::WanTransformer& transformer, const PhantomConfig& config,
                            const PhantomBatch& batch, bool recompute);

/// Wan learns to take a subject from references.
class PhantomObjective : public FlowObjective {
 public:
  PhantomObjective(const nlohmann::json& recipe, families::Phantom& pipeline);

  Losses losses(const MicroBatch& samples, const Caption& empty) const override;

 protected:
  /// Loses the prompt alone, too.
  Draws drawSample(const Sample& sample) const override;

 private:
  PhantomConfig config_;
  double drop_prompt_;
};

}  // namespace cameo::train
