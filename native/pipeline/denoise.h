#pragma once

#include <memory>

#include "pipeline/evaluators.h"
#include "pipeline/film_noise.h"
#include "pipeline/pipeline.h"
#include "pipeline/preview.h"
#include "pipeline/start.h"
#include "samplers/samplers.h"

namespace cameo::pipeline {

/// What the loop from noise to a sample goes by beside the model and the request.
struct Loop {
  const Evaluators& evaluators;
  Guidance guidance;
  const LatentPreview* preview;
  const OnProgress& onProgress;
  const Cancellation& cancellation;
  Recorder& recorder;
};

/// The request's, new.
std::unique_ptr<samplers::Sampler> makeSampler(const Pipeline& pipeline, const SampleRequest& request);

/// From noise to a sample, (1, F, C, h, w): sampler, guidance, denoiser; several passes where FreeInit has
/// several.
at::Tensor denoise(const Pipeline& pipeline, const SampleRequest& request, Start start,
                   const FilmNoise& noise, const Loop& loop);

}  // namespace cameo::pipeline
