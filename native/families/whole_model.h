#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "core/device.h"
#include "pipeline/pipeline.h"
#include "weights/base_model.h"

namespace cameo::families {

// What the models have in common that are whole as they are loaded: they make films of a picture, a prompt or
// both, and nothing goes beside them.

/// A model that has no networks yet, on the device and in the type that the options name. Throws as
/// `parseDevice` and `parseDtype`.
template <typename Model>
std::unique_ptr<Model> emptyModel(const pipeline::LoadOptions& options) {
  computeFloatsExactly();
  const c10::Device device = parseDevice(options.device, options.gpu);
  auto model = std::make_unique<Model>(device, parseDtype(options.dtype, device));
  model->plain_kernels = options.plain_kernels;
  model->max_memory = options.max_memory;
  return model;
}

/// Gives a model the base's scheduler config. Throws `ErrorCode::WeightsFormat` for one that says no
/// schedule.
void takeScheduler(pipeline::Pipeline& model, const weights::BaseModel& base);

/// Throws `ErrorCode::InvalidOption` for a network or file beside the base that the options name, but for
/// those of `taken`. `kind` is what the base is: "a Stable Video Diffusion model".
void refuseOtherNetworks(const pipeline::LoadOptions& options, const std::string& kind,
                         const std::set<std::string>& taken = {});

/// Throws `ErrorCode::InvalidOption` for what other models are asked for, but for the options of `taken`, and
/// says `why`.
void refuseOtherRequests(const pipeline::SampleRequest& request, const std::string& why,
                         const std::set<std::string>& taken);

/// Throws `ErrorCode::InvalidOption` without `image`, or without frames.
void requirePicture(const pipeline::SampleRequest& request);

/// How far guidance goes from the negative prompt to the prompt; none where it goes nowhere.
std::vector<pipeline::GuidanceScale> promptGuidance(const pipeline::SampleRequest& request);

/// What such a model makes films of.
enum class FilmOf { Picture, Prompt };

/// Begins what `describe()` says of a model: what it is, where and how it computes, and, as false, null or
/// none, what these models have no use for. `sampler` is taken where its scheduler config names none.
void describeWholeModel(pipeline::Pipeline& model, const char* family, const char* sampler, FilmOf of);

}  // namespace cameo::families
