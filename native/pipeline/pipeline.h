#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/cancellation.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipeline/request.h"
#include "samplers/noise_schedule.h"
#include "weights/origins.h"

namespace cameo::pipeline {

/// One of a pipeline's networks.
struct Network {
  std::string name;  // in descriptions and messages: "unet"
  ParameterSet& parameters;
  c10::ScalarType dtype;  // of its weights, and what it computes in
};

/// The networks of one model, loaded, and what is known of them. Not thread-safe: one task at a time.
struct Pipeline {
  Pipeline(c10::Device device, c10::ScalarType dtype) : device(device), dtype(dtype) {}

  /// Where weights wait: within a budget of a GPU's memory they are there only while their network computes.
  c10::Device home() const { return max_memory ? c10::Device(c10::kCPU) : device; }
  /// What the VAE computes in: fp32 in place of fp16 where its config has `force_upcast`, as in diffusers.
  c10::ScalarType vaeDtype() const {
    return dtype == c10::kHalf && vae->config().force_upcast ? c10::kFloat : dtype;
  }

  /// In the order in which a request needs them.
  std::vector<Network> networks() const {
    return {{"text_encoder", text_encoder->parameters(), dtype},
            {"vae", vae->parameters(), vaeDtype()},
            {"unet", unet->parameters(), dtype}};
  }
  /// What the scheduler config says of the noise.
  samplers::ScheduleConfig schedule() const {
    return samplers::ScheduleConfig::read(Config(scheduler, "the scheduler"));
  }
  /// Of all networks' weights, wherever they are.
  int64_t bytes() const;

  c10::Device device;
  c10::ScalarType dtype;
  std::unique_ptr<models::ClipText> text_encoder;
  std::unique_ptr<models::Vae> vae;
  std::unique_ptr<models::UNet> unet;
  nlohmann::json scheduler;  // the scheduler config that the model goes by
  weights::Origins origins;  // what it was loaded from
  bool has_subject = false;
  double noise_correlation = 0;        // of consecutive frames, see samplers::correlateFrames
  bool plain_kernels = false;          // see nn/plain_kernels.h
  std::optional<uint64_t> max_memory;  // bytes
  nlohmann::json description;          // of what was loaded from where, for `describe()`
};

inline c10::Device deviceOf(const Pipeline& pipeline) {
  return pipeline.device;
}

/// Loads a base folder in the diffusers layout, a MotionAdapter folder and a subject's weights.
std::unique_ptr<Pipeline> loadPipeline(const LoadOptions& options, const OnProgress& onProgress,
                                       const Cancellation& cancellation);

/// One video. Throws `ErrorCode::InvalidOption` for what this model cannot do and `ErrorCode::Aborted` within
/// one network evaluation after a cancellation.
Frames sample(const Pipeline& pipeline, const SampleRequest& request, const OnProgress& onProgress,
              const Cancellation& cancellation);

/// What the VAE makes of a picture: encoded, and decoded from the mode. Throws `ErrorCode::InvalidOption` for
/// sides that are no multiples of its scale.
RgbImage reconstruct(const Pipeline& pipeline, const RgbImage& image);

}  // namespace cameo::pipeline
