#pragma once

#include <array>
#include <optional>

#include "pipeline/pipeline.h"
#include "pipeline/reference_noise.h"

namespace cameo::pipeline {

/// What a request's prompts and references are to the network.
struct Conditions {
  bool guided = false;
  at::Tensor text;        // (1 or 2, S, D): unconditional first
  at::Tensor references;  // (1, R, C, h, w); undefined without references
};

/// What the UNet took and gave in one evaluation, fp32.
struct Evaluation {
  at::Tensor images;  // (1 or 2, F+R, C, h, w)
  at::Tensor output;  // like images
};

/// The network's predictions for one request, step after step.
class Predictor {
 public:
  /// `schedule` has to outlive it. `halves_apart`: guidance's two halves are computed one after the other.
  Predictor(const Pipeline& pipeline, const SampleRequest& request, const Conditions& conditions,
            const schedulers::NoiseSchedule& schedule, bool halves_apart);

  /// Step `step` of the request's steps, at `timestep`, for the video's latents (1, F, C, h, w): the guided
  /// prediction, of the same shape, fp32. `evaluation`, where given, is filled.
  at::Tensor predict(int64_t step, int64_t timestep, const at::Tensor& latents,
                     Evaluation* evaluation = nullptr);

 private:
  bool isGuided(int64_t step) const;
  void refreshCaches(int64_t step, bool guided);
  /// The network's output, fp32, for images (1 or 2, F+R, C, h, w) and as many texts.
  at::Tensor evaluate(const at::Tensor& images, int64_t references, int64_t timestep, const at::Tensor& text);

  const Pipeline& pipeline_;
  const SampleRequest& request_;
  const Conditions& conditions_;
  std::optional<NoisyReferences> references_;
  bool halves_apart_;
  std::array<models::FeatureCache, 2> caches_;  // of guidance's halves; both are in the first one if together
  bool was_guided_ = false;
};

}  // namespace cameo::pipeline
