#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <optional>
#include <utility>

#include "core/error.h"
#include "core/memory_pool.h"
#include "nn/plain_kernels.h"
#include "pipeline/guidance.h"
#include "pipeline/memory_plan.h"
#include "pipeline/pixels.h"
#include "pipeline/preview.h"
#include "pipeline/recorder.h"
#include "pipeline/start.h"
#include "samplers/samplers.h"

namespace cameo::pipeline {

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::InvalidOption, message);
}

void checkSize(const LatentCodec& codec, const SampleRequest& request) {
  const int64_t stride = codec.stride();
  if (request.width >= stride && request.height >= stride && request.width % stride == 0 &&
      request.height % stride == 0) {
    return;
  }
  refuse(c10::str("width, height: ", request.width, "x", request.height,
                  " is not allowed; both must be multiples of ", stride));
}

void checkPicture(const std::string& name, const RgbImage& image, const SampleRequest& request) {
  const bool is_whole = image.width >= 1 && image.height >= 1 &&
                        static_cast<int64_t>(image.data.size()) == 3 * image.width * image.height;
  const bool fits = name == kIpImage || (image.width == request.width && image.height == request.height);
  if (is_whole && fits) return;
  refuse(c10::str(name, ": every picture must be RGB", fits ? "" : " of the video's size"));
}

void check(const Pipeline& pipeline, const SampleRequest& request) {
  pipeline.check(request);
  for (const auto& [name, pictures] : request.pictures) {
    for (const RgbImage& picture : pictures) checkPicture(name, picture, request);
  }
  checkSize(pipeline.codec(), request);
  checkFilm(request);
}

void recordStart(const Start& start, Recorder& recorder) {
  if (!start.clean.defined()) return recorder.addVideo("initial_noise", start.noise);
  recorder.add("initial_noise", start.noise);  // as it was drawn, frame by frame
  recorder.addVideo("film_latents", start.clean);
  recorder.addVideo("start_latents", start.latents);
}

/// What is reported goes on after so many `steps`.
OnProgress goingOn(const OnProgress& onProgress, int64_t steps) {
  return [&onProgress, steps](Progress progress) {
    progress.step += steps;
    progress.steps += steps;
    onProgress(std::move(progress));
  };
}

/// The loop: sampler, guidance, denoiser.
at::Tensor denoise(const Pipeline& pipeline, Denoiser& denoiser, samplers::Sampler& sampler,
                   const Start& start, const FilmNoise& noise, const Guidance& guidance,
                   const LatentPreview* preview, const OnProgress& onProgress,
                   const Cancellation& cancellation, Recorder& recorder) {
  const samplers::Parameterization parameterization = sampler.parameterization();
  bool is_first = true;
  const auto record = [&](const Evaluation& evaluation) {
    if (std::exchange(is_first, false)) {
      recorder.addVideo("unet_in_0", evaluation.input);
      recorder.addVideo("unet_out_0", evaluation.output);
    }
  };
  int64_t step = 0;
  const int64_t steps = sampler.steps() - start.step;
  at::Tensor clean;  // as the last evaluation has it
  bool begins_step = true;
  const samplers::Model model = [&](const at::Tensor& given, const samplers::Level& level) {
    cancellation.check();
    // What enters a step is as the last one left it.
    const at::Tensor x = std::exchange(begins_step, false) ? given : start.held(given, level);
    recorder.addEvaluation(x, level.time);
    const at::Tensor output = predict(denoiser, guidance, samplers::networkInput(parameterization, x, level),
                                      {level.time, step, steps}, record);
    samplers::Estimate estimate = samplers::estimate(parameterization, x, output, level);
    clean = estimate.clean;
    return estimate;
  };

  at::Tensor latents = start.latents;
  for (; step < steps; ++step) {
    const int64_t index = start.step + step, next = index + 1;
    begins_step = true;
    latents = sampler.step(latents, static_cast<size_t>(index), model, [&] { return noise.draw(); });
    const bool is_last = next == sampler.steps();
    latents = start.held(latents, is_last ? std::nullopt : std::optional(sampler.level(next)));
    if (step == 0 || is_last) requireFinite(pipeline, latents.isfinite().all());
    Progress report{Phase::Denoise, step + 1, steps, {}};
    if (preview) report.preview = preview->render(clean[0][clean.size(1) / 2]);
    onProgress(std::move(report));
  }
  recorder.write(latents);
  return latents;
}

}  // namespace

Frames sample(const Pipeline& pipeline, const SampleRequest& asked, const OnProgress& onProgress,
              const Cancellation& cancellation) {
  const c10::InferenceMode inference;
  const nn::PlainKernels plain(pipeline.plain_kernels);
  const MemoryPool::Scope pooled;
  check(pipeline, asked);
  const auto sampler =
      samplers::makeSampler(asked.sampler, pipeline.scheduler, asked.steps, pipeline.scheduler_path);
  const MemoryPlan plan = planMemory(pipeline, asked);
  SampleRequest request = asked;
  request.vae_tiling |= plan.tiled;
  Recorder recorder(request.save_latents);
  std::optional<LatentPreview> preview;
  if (request.preview) preview.emplace(pipeline);
  at::Tensor latents;
  {
    const FilmNoise noise(pipeline, request);
    const int64_t of_film = startPictures(pipeline, request);
    int64_t encoded = 0;
    const Start start = startOf(pipeline, request, *sampler, noise, [&] {
      onProgress({Phase::Encode, ++encoded, of_film + 1 + request.referenceCount(), {}});
    });
    recordStart(start, recorder);
    const auto denoiser =
        pipeline.denoiser(request, start, sampler->schedule(), goingOn(onProgress, of_film), recorder);
    const Guidance guidance{.scales = pipeline.guidanceScales(request),
                            .rescale = request.guidance_rescale,
                            .range = request.guidance_range,
                            .branches_apart = plan.branches_apart,
                            .context = request.context};
    latents = denoise(pipeline, *denoiser, *sampler, start, noise, guidance, preview ? &*preview : nullptr,
                      onProgress, cancellation, recorder);
  }
  return decodeFrames(pipeline, request, latents, onProgress, cancellation);
}

}  // namespace cameo::pipeline
