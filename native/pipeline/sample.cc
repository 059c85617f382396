#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/memory_pool.h"
#include "core/rng.h"
#include "nn/plain_kernels.h"
#include "pipeline/conditioning.h"
#include "pipeline/device_visit.h"
#include "pipeline/guidance.h"
#include "pipeline/host_copy.h"
#include "pipeline/memory_plan.h"
#include "pipeline/preview.h"
#include "pipeline/recorder.h"
#include "pipeline/unet_denoiser.h"
#include "samplers/noise_prior.h"
#include "samplers/samplers.h"

namespace cameo::pipeline {

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::InvalidOption, message);
}

void checkReferences(const Pipeline& pipeline, const SampleRequest& request) {
  if (pipeline.has_subject == request.references.empty()) {
    refuse(pipeline.has_subject ? "reference: this pipeline has a subject model; give it a picture"
                                : "reference: this pipeline has no subject model; load one with `subject`");
  }
  for (const RgbImage& image : request.references) {
    if (image.width == request.width && image.height == request.height &&
        static_cast<int64_t>(image.data.size()) == 3 * image.width * image.height) {
      continue;
    }
    refuse("reference: every reference must be RGB of the video's size");
  }
}

void checkCache(const Pipeline& pipeline, const SampleRequest& request) {
  const int64_t layers = pipeline.unet->config().layers_per_block.front() + 1;
  if (request.cache_interval < 1) refuse("cacheInterval: it must be 1 or more");
  if (request.cache_layers >= 1 && request.cache_layers <= layers) return;
  refuse(c10::str("cacheLayers: ", request.cache_layers, " is not allowed; it must be from 1 to ", layers,
                  ", the layers of this model's outermost block"));
}

void check(const Pipeline& pipeline, const SampleRequest& request) {
  checkIds(pipeline, "prompt", request.prompt_ids);
  checkIds(pipeline, "negativePrompt", request.negative_ids);
  checkReferences(pipeline, request);
  checkCache(pipeline, request);
  const int64_t scale = pipeline.vae->config().scale();
  if (request.width < scale || request.height < scale || request.width % scale != 0 ||
      request.height % scale != 0) {
    refuse(c10::str("width, height: ", request.width, "x", request.height,
                    " is not allowed; both must be multiples of ", scale));
  }
  const auto& motion = pipeline.unet->config().motion;
  const auto images = request.frames + static_cast<int64_t>(request.references.size());
  if (request.frames < 1 || images > (motion ? motion->max_images : 1)) {
    refuse(c10::str("frames: ", request.frames, " frames and ", request.references.size(),
                    " references are not allowed; this model takes ",
                    motion ? c10::str("1 to ", motion->max_images, " images in all")
                           : std::string("one frame (it has no motion modules)")));
  }
}

/// (2, S, D): of the negative prompt and of the prompt.
at::Tensor encodePrompts(const Pipeline& pipeline, const SampleRequest& request) {
  const DeviceVisit visit(pipeline.text_encoder->parameters(), pipeline.device);
  return encodeText(pipeline, {&request.negative_ids, &request.prompt_ids});
}

bool isGuided(const SampleRequest& request) {
  return request.guidance_scale > 1 && request.guidance_range.from < request.guidance_range.to;
}

Conditions makeConditions(const Pipeline& pipeline, const SampleRequest& request,
                          const OnProgress& onProgress, Recorder& recorder) {
  Conditions conditions;
  const auto steps = static_cast<int64_t>(1 + request.references.size());
  int64_t done = 0;
  const auto advance = [&] { onProgress({Phase::Encode, ++done, steps, {}}); };
  const at::Tensor both = encodePrompts(pipeline, request);
  conditions.text = isGuided(request) ? both : both.slice(0, 1);
  advance();
  recorder.add("prompt_ids", at::tensor(request.prompt_ids, at::kLong).unsqueeze(0));
  recorder.add("prompt_embeds", both.slice(0, 1).to(at::kFloat));
  recorder.add("negative_embeds", both.slice(0, 0, 1).to(at::kFloat));
  if (!request.references.empty()) {
    const DeviceVisit visit(pipeline.vae->parameters(), pipeline.device);
    const ReferenceLatents encoded = encodeReferences(pipeline, request, advance);
    conditions.references = encoded.latents;
    recorder.addVideo("reference_latents", encoded.latents);
    recorder.addVideo("reference_logvar", encoded.log_variance);
  }
  return conditions;
}

/// Noise of the latents' shape (1, F, C, h, w), on the device, in the order in which PyTorch's pipelines draw
/// it.
samplers::Draw makeDraw(const Pipeline& pipeline, const SampleRequest& request) {
  const auto& vae = pipeline.vae->config();
  const std::vector<int64_t> shape{1, vae.latent_channels, request.frames, request.height / vae.scale(),
                                   request.width / vae.scale()};
  return [&pipeline, shape, generator = makeGenerator(request.seed, RandomStream::InitialNoise)] {
    const at::Tensor drawn = swapTimeAndChannels(drawNormal(shape, generator))[0];
    return samplers::correlateFrames(drawn, pipeline.noise_correlation).unsqueeze(0).to(pipeline.device);
  };
}

/// The loop: sampler, guidance, denoiser.
at::Tensor denoise(const Pipeline& pipeline, const SampleRequest& request, Denoiser& denoiser,
                   samplers::Sampler& sampler, const Guidance& guidance, const OnProgress& onProgress,
                   const Cancellation& cancellation, Recorder& recorder) {
  std::optional<LatentPreview> preview;
  if (request.preview) preview.emplace(pipeline);
  const DeviceVisit visit(pipeline.unet->parameters(), pipeline.device);
  const samplers::Parameterization parameterization = sampler.parameterization();
  bool is_first = true;
  const auto record = [&](const Evaluation& evaluation) {
    if (std::exchange(is_first, false)) {
      recorder.addVideo("unet_in_0", evaluation.input);
      recorder.addVideo("unet_out_0", evaluation.output);
    }
  };
  double progress = 0;
  at::Tensor clean;  // as the last evaluation has it
  const samplers::Model model = [&](const at::Tensor& x, const samplers::Level& level) {
    cancellation.check();
    recorder.addEvaluation(x, level.time);
    const at::Tensor output = predict(denoiser, guidance, samplers::networkInput(parameterization, x, level),
                                      level.time, progress, record);
    samplers::Estimate estimate = samplers::estimate(parameterization, x, output, level);
    clean = estimate.clean;
    return estimate;
  };

  const samplers::Draw draw = makeDraw(pipeline, request);
  at::Tensor latents = draw();
  recorder.addVideo("initial_noise", latents);
  if (sampler.initialScale() != 1) latents = latents * sampler.initialScale();
  const int64_t steps = sampler.steps();
  for (int64_t i = 0; i < steps; ++i) {
    progress = static_cast<double>(i) / static_cast<double>(steps);
    latents = sampler.step(latents, static_cast<size_t>(i), model, draw);
    if (i == 0 || i + 1 == steps) requireFinite(pipeline, latents.isfinite().all());
    Progress report{Phase::Denoise, i + 1, steps, {}};
    if (preview) report.preview = preview->render(clean[0][request.frames / 2]);
    onProgress(std::move(report));
  }
  recorder.write(latents);
  return latents;
}

Frames decode(const Pipeline& pipeline, const SampleRequest& request, const at::Tensor& latents,
              const OnProgress& onProgress, const Cancellation& cancellation) {
  const DeviceVisit visit(pipeline.vae->parameters(), pipeline.device);
  const auto& config = pipeline.vae->config();
  const int64_t frame_bytes = request.height * request.width * 3;
  Frames frames(request.frames * frame_bytes);
  std::deque<HostCopy> decoded;  // one may be on its way from a GPU, which decodes the next frame meanwhile
  int64_t delivered = 0;
  at::Tensor all_finite;
  const auto deliver = [&](size_t may_stay) {
    while (decoded.size() > may_stay || (!decoded.empty() && decoded.front().isOnHost())) {
      const uint8_t* rgb = decoded.front().wait().const_data_ptr<uint8_t>();
      std::copy_n(rgb, frame_bytes, frames.data() + delivered * frame_bytes);
      decoded.pop_front();
      onProgress({Phase::Decode, ++delivered, request.frames, {}});
    }
  };
  for (int64_t i = 0; i < request.frames; ++i) {
    cancellation.check();
    const at::Tensor unscaled =
        (latents[0].slice(0, i, i + 1) / config.scaling_factor + config.shift_factor).to(pipeline.vaeDtype());
    const at::Tensor image =
        request.vae_tiling ? pipeline.vae->decodeTiled(unscaled) : pipeline.vae->decode(unscaled);
    // Asked of a GPU for every frame, it would have to wait.
    const at::Tensor is_finite = image.isfinite().all();
    all_finite = all_finite.defined() ? all_finite.logical_and(is_finite) : is_finite;
    if (i == 0 || i + 1 == request.frames) requireFinite(pipeline, all_finite);
    decoded.emplace_back(toRgb(image[0]));
    deliver(1);
  }
  deliver(0);
  return frames;
}

}  // namespace

Frames sample(const Pipeline& pipeline, const SampleRequest& asked, const OnProgress& onProgress,
              const Cancellation& cancellation) {
  const c10::InferenceMode inference;
  const nn::PlainKernels plain(pipeline.plain_kernels);
  const MemoryPool::Scope pooled;
  check(pipeline, asked);
  const auto sampler = samplers::makeSampler(asked.sampler, pipeline.scheduler, asked.steps);
  const MemoryPlan plan = planMemory(pipeline, asked);
  SampleRequest request = asked;
  request.vae_tiling |= plan.tiled;
  Recorder recorder(request.save_latents);
  UNetDenoiser denoiser(pipeline, request, makeConditions(pipeline, request, onProgress, recorder),
                        sampler->schedule());
  const Guidance guidance{.scales = {request.guidance_scale},
                          .rescale = request.guidance_rescale,
                          .range = request.guidance_range,
                          .branches_apart = plan.halves_apart};
  const at::Tensor latents =
      denoise(pipeline, request, denoiser, *sampler, guidance, onProgress, cancellation, recorder);
  return decode(pipeline, request, latents, onProgress, cancellation);
}

}  // namespace cameo::pipeline
