#pragma once

#include "families/wan/wan.h"
#include "train/films.h"
#include "train/objective.h"

namespace cameo::train {

/// One step's films.
struct FlowBatch {
  at::Tensor latents;  // (B, F', C, h, w), scaled, fp32
  at::Tensor noise;    // like latents
  at::Tensor sigmas;   // (B), 0 to 1, fp32
  at::Tensor text;     // (B, S, D), in the type that the transformer computes in
};

/// Part of the way from latents (B, ...) to noise: (1 - sigma) latents + sigma noise, with sigmas (B).
at::Tensor alongFlow(const at::Tensor& latents, const at::Tensor& noise, const at::Tensor& sigmas);

/// What the transformer says of `noisy` (B, F', C, h, w), fp32.
at::Tensor predictVelocity(const models::WanTransformer& transformer, const at::Tensor& noisy,
                           const FlowBatch& batch, bool recompute);

/// The mean squared error of the velocity noise - latents (flow matching, arXiv 2210.02747) that the
/// transformer predicts for (1 - sigma) latents + sigma noise. The part is `lossVideo`.
Losses computeFlowLosses(const models::WanTransformer& transformer, const FlowBatch& batch, bool recompute);

/// Wan learns to make films of captions.
class FlowObjective : public Objective {
 public:
  /// Throws `ErrorCode::InvalidOption` for films that are no whole latents.
  FlowObjective(const nlohmann::json& recipe, families::Wan& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  /// The transformer's adapters as a LoRA, or the whole transformer.
  std::vector<Export> exports() const override;

 protected:
  struct Draws : FilmDraws {
    at::Tensor noise, sigma;
    bool has_prompt = true;
  };

  virtual Draws drawSample(const Sample& sample) const;
  FlowBatch makeBatch(const MicroBatch& samples, const std::vector<Draws>& draws, const Caption& empty) const;
  at::Tensor batchOf(const std::vector<Draws>& draws, at::Tensor Draws::*part) const {
    return stacked(draws, part).to(pipeline_.device);
  }
  const models::WanTransformer& transformer() const { return *pipeline_.transformer; }
  bool recomputes() const { return recompute_; }
  std::vector<Draws> drawAll(const MicroBatch& samples) const;

 private:
  const families::Wan& pipeline_;
  std::vector<std::string> patterns_;
  uint64_t seed_;
  double drop_condition_, timestep_shift_;
  bool logit_normal_;  // sigmas before their shift; else uniform
  bool recompute_;
};

}  // namespace cameo::train
