#pragma once

#include <memory>
#include <vector>

#include "pipeline/guidance.h"
#include "pipeline/pipeline.h"
#include "pipeline/start.h"

namespace cameo::pipeline {

/// A request's denoiser, and those of the model's copies on other devices, among which evaluations are shared
/// out that don't depend on each other.
class Evaluators {
 public:
  /// `own` is the model's; the copies' are made where the request has several evaluations at a time. The
  /// others have to outlive it.
  Evaluators(const Pipeline& pipeline, const SampleRequest& request, const Start& start,
             const samplers::NoiseSchedule& schedule, Denoiser& own);

  /// One evaluation, of the latents (1, F, C, h, w) as the network was trained to see them.
  struct Work {
    at::Tensor latents;
    Moment moment;
  };
  /// The guided predictions, in the same order and on the model's own device. `onEvaluation` is told of the
  /// model's own.
  std::vector<at::Tensor> predict(const std::vector<Work>& work, const Guidance& guidance,
                                  const Cancellation& cancellation, const OnEvaluation& onEvaluation) const;

 private:
  struct Copy {
    const Pipeline& pipeline;
    SampleRequest request;
    Start start;
    Recorder recorder{""};
    std::unique_ptr<Denoiser> denoiser = nullptr;
  };

  const Pipeline& pipeline_;
  Denoiser& own_;
  std::vector<std::unique_ptr<Copy>> copies_;
};

}  // namespace cameo::pipeline
