#include "pipeline/request.h"

#include <ATen/ATen.h>

#include "core/config.h"
#include "harness.h"

namespace cameo::test {

namespace {

/// What was read of a request's options, each as a number; of a text its length, of the seed digits to the
/// base of 2^20.
Tensors readRequest(const Json& config, const Tensors&) {
  const auto request = pipeline::SampleRequest::read(Config::options(config.at("options")));
  const pipeline::ImagePromptScale first = request.image_prompt_scales.empty()
                                               ? pipeline::ImagePromptScale()
                                               : request.image_prompt_scales.front();
  const auto number = [](auto value) { return at::full({1}, static_cast<double>(value), at::kDouble); };
  const pipeline::SubjectOptions subject =
      request.subjects.empty() ? pipeline::SubjectOptions() : request.subjects.front();
  const double strength = subject.scale + subject.range.from + subject.range.to + subject.levels.back();
  return {
      {"subjects", number(request.subjects.size())},
      {"subjectReferences", number(subject.references)},
      {"subjectBoxes", number(subject.boxes.size())},
      {"subjectMiddle", number(subject.boxes.empty() ? 0 : subject.boxes[1][0])},
      {"subjectStrength", number(strength)},
      {"frames", number(request.frames)},
      {"width", number(request.width)},
      {"height", number(request.height)},
      {"steps", number(request.steps)},
      {"guidanceScale", number(request.guidance_scale)},
      {"guidanceFrom", number(request.guidance_range.from)},
      {"guidanceTo", number(request.guidance_range.to)},
      {"cacheInterval", number(request.cache_interval)},
      {"cacheLayers", number(request.cache_layers)},
      {"tokenMerging", number(request.token_merging)},
      {"contextLength", number(request.context.length)},
      {"contextOverlap", number(request.context.overlap)},
      {"contextSchedule", number(static_cast<int>(request.context.schedule))},
      {"contextStrides", number(request.context.strides)},
      {"contextWeights", number(static_cast<int>(request.context.weights))},
      {"noise", number(static_cast<int>(request.noise))},
      {"iterations", number(request.free_init.iterations)},
      {"filter", number(static_cast<int>(request.free_init.filter))},
      {"spatialStop", number(request.free_init.spatial_stop)},
      {"temporalStop", number(request.free_init.temporal_stop)},
      {"order", number(request.free_init.order)},
      {"motionScale", number(request.motion_scale)},
      {"clipSkip", number(request.clip_skip)},
      {"parallelSteps", number(request.parallel.window)},
      {"parallelTolerance", number(request.parallel.tolerance)},
      {"guidanceRescale", number(request.guidance_rescale)},
      {"dynamicGuidance", number(request.dynamic_guidance)},
      {"imageGuidanceScale", number(request.image_guidance_scale)},
      {"minGuidanceScale", number(request.min_guidance_scale)},
      {"fps", number(request.fps)},
      {"motionBucket", number(request.motion_bucket)},
      {"frameStride", number(request.frame_stride)},
      {"noiseAugmentation", number(request.noise_augmentation)},
      {"ipScales", number(request.image_prompt_scales.size())},
      {"ipScaleAndBlock", number(first.scale + (first.blocks.empty() ? 0 : first.blocks.begin()->second))},
      {"ipScaleFromAndTo", number(first.range.from + first.range.to)},
      {"samplerOptions", number(request.sampler.options.size())},
      {"scheduler", number(request.sampler.scheduler.dump().size())},
      {"strength", number(request.strength)},
      {"controls", number(request.controls.size())},
      {"structure", number(request.structure)},
      {"keyframes", number(request.keyframes.size())},
      {"keyframeScale", number(request.keyframe_scale)},
      {"conditioningScale", number(request.conditioning_scale)},
      {"temporalGuidance", number(request.temporal_guidance.value_or(0))},
      {"seed",
       at::tensor({static_cast<double>(request.seed >> 40), static_cast<double>(request.seed >> 20 & 0xfffff),
                   static_cast<double>(request.seed & 0xfffff)})},
      {"referenceNoise", number(request.reference_noise)},
      {"asReleased", number(request.reference_noise_mode == pipeline::ReferenceNoiseMode::AsReleased)},
      {"sampled", number(request.sample_reference_latents)},
      {"vaeTiling", number(request.vae_tiling)},
      {"preview", number(request.preview)},
      {"saveLatents", number(request.save_latents.size())}};
}

}  // namespace

const bool kReadRequestRegistered = addProbe("pipeline.read_request", readRequest);

}  // namespace cameo::test
