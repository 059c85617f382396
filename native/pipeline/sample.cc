#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/memory_pool.h"
#include "nn/plain_kernels.h"
#include "pipeline/denoise.h"
#include "pipeline/memory_plan.h"
#include "pipeline/pixels.h"
#include "pipeline/preview.h"
#include "pipeline/recorder.h"
#include "pipeline/start.h"

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

/// That the codec has latents for exactly so many frames.
void checkLength(const LatentCodec& codec, const std::string& name, int64_t frames) {
  const int64_t stride = codec.timeStride(), after_first = frames - 1;
  if (frames >= 1 && after_first % stride == 0) return;
  const int64_t below = std::max<int64_t>(after_first, 0) / stride * stride + 1;
  refuse(c10::str(name, ": ", frames, " is not allowed; of this model's films it must be a multiple of ",
                  stride, " and 1 more, of which ", below, " and ", below + stride, " are the nearest"));
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
  checkLength(pipeline.codec(), "frames", request.frames);
  if (request.context.length > 0) checkLength(pipeline.codec(), "context.length", request.context.length);
  checkFilm(request);
}

/// Windows of frames as windows of latents, which overlap by all of a latent of which frames do.
ContextWindows inLatents(ContextWindows context, const LatentCodec& codec) {
  const int64_t stride = codec.timeStride();
  if (context.length == 0 || stride == 1) return context;
  context.length = codec.latentFrames(context.length);
  context.overlap = std::min((context.overlap + stride - 1) / stride, context.length - 1);
  return context;
}

/// Several evaluations at a time can't go by the ones before them.
void checkParallel(const SampleRequest& request, const samplers::Sampler& sampler) {
  if (request.parallel.window == 1) return;
  const auto refuseWith = [](const char* option, const char* why) {
    refuse(c10::str("parallelSteps: it doesn't go with ", option, ", ", why, "; leave one of them out"));
  };
  if (request.cache_interval > 1) refuseWith("cacheInterval", "which keeps features from step to step");
  if (request.reference_noise > 0) refuseWith("referenceNoise", "which is drawn step after step");
  if (sampler.choosesEvaluations()) {
    refuseWith("this scheduler", "which evaluates the model as often as it finds it needs");
  }
}

void recordStart(const Start& start, Recorder& recorder) {
  if (start.image_noise.defined()) recorder.add("picture_noise", start.image_noise);
  if (start.image_latent_noise.defined()) {
    recorder.add("picture_encoding_noise", start.image_latent_noise.unsqueeze(2));  // (1, C, 1, h, w)
  }
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

}  // namespace

MemoryPlan planOf(const Pipeline& pipeline, const SampleRequest& request, const MemoryPlace& place) {
  check(pipeline, request);
  return planMemory(pipeline, request, place);
}

Frames sample(const Pipeline& pipeline, const SampleRequest& asked, const OnProgress& onProgress,
              const Cancellation& cancellation) {
  const c10::InferenceMode inference;
  const nn::PlainKernels plain(pipeline.plain_kernels);
  const MemoryPool::Scope pooled;
  check(pipeline, asked);
  const auto sampler = makeSampler(pipeline, asked);
  checkParallel(asked, *sampler);
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
                            .dynamic = request.dynamic_guidance,
                            .branches_apart = plan.branches_apart,
                            .context = request.windowsInMotion()
                                           ? ContextWindows{}
                                           : inLatents(request.context, pipeline.codec()),
                            .leading = pipeline.leadingLatents(request),
                            .trailing = pipeline.trailingLatents(request)};
    const Evaluators evaluators(pipeline, request, start, sampler->schedule(), *denoiser);
    latents = denoise(pipeline, request, std::move(start), noise,
                      {.evaluators = evaluators,
                       .guidance = guidance,
                       .preview = preview ? &*preview : nullptr,
                       .onProgress = onProgress,
                       .cancellation = cancellation,
                       .recorder = recorder});
  }
  latents =
      latents.slice(1, pipeline.leadingLatents(request), latents.size(1) - pipeline.trailingLatents(request));
  return decodeFrames(pipeline, request, latents, onProgress, cancellation);
}

}  // namespace cameo::pipeline
