#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <functional>
#include <memory>
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

void checkPicture(const Pipeline& pipeline, const std::string& name, const RgbImage& image,
                  const SampleRequest& request) {
  const bool is_whole = image.width >= 1 && image.height >= 1 &&
                        static_cast<int64_t>(image.data.size()) == 3 * image.width * image.height;
  const bool fits =
      pipeline.takesAnySize(name) || (image.width == request.width && image.height == request.height);
  if (is_whole && fits) return;
  refuse(c10::str(name, ": every picture must be RGB", fits ? "" : " of the video's size"));
}

void check(const Pipeline& pipeline, const SampleRequest& request) {
  pipeline.check(request);
  for (const auto& [name, pictures] : request.pictures) {
    for (const RgbImage& picture : pictures) checkPicture(pipeline, name, picture, request);
  }
  checkSize(pipeline.codec(), request);
  checkFilm(request);
}

void recordStart(const Start& start, Recorder& recorder) {
  if (start.image_noise.defined()) recorder.add("picture_noise", start.image_noise);
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

std::unique_ptr<samplers::Sampler> makeSampler(const Pipeline& pipeline, const SampleRequest& request) {
  return samplers::makeSampler(request.sampler, pipeline.scheduler, request.steps, pipeline.scheduler_path);
}

/// What the loop goes by beside the model and the request.
struct Loop {
  Denoiser& denoiser;
  Guidance guidance;
  const LatentPreview* preview;
  const OnProgress& onProgress;
  const Cancellation& cancellation;
  Recorder& recorder;
};

/// Records what the network takes and gives at its first evaluation.
OnEvaluation recordFirst(Recorder& recorder) {
  return [&recorder, is_first = true](const Evaluation& evaluation) mutable {
    if (!std::exchange(is_first, false)) return;
    recorder.addVideo("unet_in_0", evaluation.input);
    recorder.addVideo("unet_out_0", evaluation.output);
  };
}

/// How many steps of those that are done are behind, and what the last evaluation takes for the clean sample.
using OnStep = std::function<void(int64_t step, int64_t steps, const at::Tensor& clean)>;

/// From noise to a sample: sampler, guidance, denoiser. Takes the latents out of `start`.
at::Tensor denoise(const Pipeline& pipeline, const Loop& loop, samplers::Sampler& sampler, Start& start,
                   const samplers::Draw& draw, const OnEvaluation& record, const OnStep& onStep) {
  const samplers::Parameterization parameterization = sampler.parameterization();
  int64_t step = 0;
  const int64_t steps = sampler.steps() - start.step;
  at::Tensor clean;
  bool begins_step = true;
  const samplers::Model model = [&](const at::Tensor& given, const samplers::Level& level) {
    loop.cancellation.check();
    // What enters a step is as the last one left it.
    const at::Tensor x = std::exchange(begins_step, false) ? given : start.held(given, level);
    loop.recorder.addEvaluation(x, level.time);
    const at::Tensor output =
        predict(loop.denoiser, loop.guidance, samplers::networkInput(parameterization, x, level),
                {level.time, step, steps}, record);
    samplers::Estimate estimate = samplers::estimate(parameterization, x, output, level);
    clean = estimate.clean;
    return estimate;
  };
  at::Tensor latents = std::move(start.latents);
  for (; step < steps; ++step) {
    const int64_t index = start.step + step, next = index + 1;
    begins_step = true;
    latents = sampler.step(latents, static_cast<size_t>(index), model, draw);
    const bool is_last = next == sampler.steps();
    latents = start.held(latents, is_last ? std::nullopt : std::optional(sampler.level(next)));
    if (step == 0 || is_last) requireFinite(pipeline, latents.isfinite().all());
    onStep(step + 1, steps, clean);
  }
  return latents;
}

/// One pass after another, as FreeInit has several.
at::Tensor denoisePasses(const Pipeline& pipeline, const SampleRequest& request, Start start,
                         const FilmNoise& noise, const Loop& loop) {
  const FreeInit& free_init = request.free_init;
  const OnEvaluation record = recordFirst(loop.recorder);
  const samplers::Draw draw = [&noise] { return noise.draw(); };
  // Of a film of any length, nothing is kept longer than it is needed.
  const at::Tensor first_noise = free_init.iterations > 1 ? start.noise : at::Tensor();
  if (!start.holds) start.noise.reset();
  at::Tensor latents;
  for (int64_t pass = 0; pass < free_init.iterations; ++pass) {
    const auto sampler = makeSampler(pipeline, request);
    if (pass > 0) {
      const samplers::NoiseSchedule& schedule = sampler->schedule();
      const at::Tensor noisy = schedule.addNoise(latents, first_noise, schedule.config().train_timesteps - 1);
      start.beginWith(mixFrequencies(noisy, draw(), free_init), *sampler);
    }
    const auto report = [&](int64_t step, int64_t steps, const at::Tensor& clean) {
      Progress progress{Phase::Denoise, pass * steps + step, free_init.iterations * steps, {}};
      if (loop.preview) progress.preview = loop.preview->render(clean[0][clean.size(1) / 2]);
      loop.onProgress(std::move(progress));
    };
    latents = denoise(pipeline, loop, *sampler, start, draw, record, report);
    loop.recorder.addResult(latents);
  }
  loop.recorder.write();
  return latents;
}

}  // namespace

Frames sample(const Pipeline& pipeline, const SampleRequest& asked, const OnProgress& onProgress,
              const Cancellation& cancellation) {
  const c10::InferenceMode inference;
  const nn::PlainKernels plain(pipeline.plain_kernels);
  const MemoryPool::Scope pooled;
  check(pipeline, asked);
  const auto sampler = makeSampler(pipeline, asked);
  const MemoryPlan plan = planMemory(pipeline, asked);
  SampleRequest request = asked;
  request.vae_tiling |= plan.tiled;
  request.decoded_together = plan.decoded_together;
  Recorder recorder(request.save_latents, pipeline.liesFrameByFrame());
  std::optional<LatentPreview> preview;
  if (request.preview) preview.emplace(pipeline);
  at::Tensor latents;
  {
    const FilmNoise noise(pipeline, request);
    Film film = filmOf(request, pipeline.useOfFilm(request).image_in_every_frame);
    const int64_t of_film = startPictures(pipeline, request, film);
    int64_t encoded = 0;
    Start start = startOf(pipeline, request, std::move(film), *sampler, noise, [&] {
      onProgress({Phase::Encode, ++encoded, of_film + 1 + request.referenceCount(), {}});
    });
    recordStart(start, recorder);
    const auto denoiser =
        pipeline.denoiser(request, start, sampler->schedule(), goingOn(onProgress, of_film), recorder);
    const Guidance guidance{.scales = pipeline.guidanceScales(request),
                            .rescale = request.guidance_rescale,
                            .range = request.guidance_range,
                            .branches_apart = plan.branches_apart,
                            .context = request.windowsInMotion() ? ContextWindows{} : request.context};
    latents = denoisePasses(pipeline, request, std::move(start), noise,
                            {.denoiser = *denoiser,
                             .guidance = guidance,
                             .preview = preview ? &*preview : nullptr,
                             .onProgress = onProgress,
                             .cancellation = cancellation,
                             .recorder = recorder});
  }
  return decodeFrames(pipeline, request, latents, onProgress, cancellation);
}

}  // namespace cameo::pipeline
