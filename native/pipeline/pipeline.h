#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/cancellation.h"
#include "pipeline/codec.h"
#include "pipeline/denoiser.h"
#include "pipeline/encodings.h"
#include "pipeline/network.h"
#include "pipeline/recorder.h"
#include "pipeline/request.h"
#include "samplers/noise_schedule.h"
#include "weights/lora/stack.h"
#include "weights/origins.h"

namespace cameo::pipeline {

struct Start;

/// What a model makes of a request's film beside what its denoiser sees of it.
struct FilmUse {
  bool starts_from = false;           // the film, noised, enters the first step
  bool holds_to = false;              // outside of the mask, each step's result is the film's
  bool image_in_every_frame = false;  // `image` is all of the film; else its first frame
  bool noises_image = false;          // `image`, noised as a picture, is what conditions it
  bool draws_image = false;           // latents of `image`, and of `lastImage`, are samples of its posterior
  bool samples_image = false;         // a sample of `image`'s latents is
};

/// A model, loaded: what all families of models have in common. A family is a class derived of this one. Not
/// thread-safe: one task at a time.
struct Pipeline {
  Pipeline(c10::Device device, c10::ScalarType dtype) : device(device), dtype(dtype) {}
  virtual ~Pipeline() = default;

  /// In the order in which a request needs them.
  virtual std::vector<Network> networks() const = 0;
  virtual const LatentCodec& codec() const = 0;
  /// Throws `ErrorCode::InvalidOption` for what this model can't do, beyond sizes.
  virtual void check(const SampleRequest& request) const = 0;
  /// From each branch of a request's denoiser to the next, how far guidance goes; as many as there are
  /// branches but one.
  virtual std::vector<GuidanceScale> guidanceScales(const SampleRequest& request) const = 0;
  /// Of a request that `check` has passed.
  virtual FilmUse useOfFilm(const SampleRequest&) const { return {}; }
  /// Whether a request's pictures of this option come as large as they are.
  virtual bool takesAnySize(const std::string& option) const { return option == kIpImage; }
  /// Whether its films lie frame by frame where they are drawn and recorded, as in PyTorch's pipeline of it;
  /// else channel by channel.
  virtual bool liesFrameByFrame() const { return false; }
  /// How many latents the denoiser has before a film's own, which are left out of the film.
  virtual int64_t leadingLatents(const SampleRequest&) const { return 0; }
  /// And how many after them.
  virtual int64_t trailingLatents(const SampleRequest&) const { return 0; }
  virtual bool takesLoras() const { return true; }
  /// Numbers in the largest tensor that the denoiser needs for one branch.
  virtual int64_t largestTensor(const SampleRequest& request) const = 0;
  /// Encodes what the request shows and says. The networks that it needs for that are on the device
  /// meanwhile; the denoiser's own is there as long as the denoiser lives. `request` and `schedule` have to
  /// outlive it.
  virtual std::unique_ptr<Denoiser> denoiser(const SampleRequest& request, const Start& start,
                                             const samplers::NoiseSchedule& schedule,
                                             const OnProgress& onProgress, Recorder& recorder) const = 0;

  /// Where weights wait: within a budget of a GPU's memory they are there only while their network computes.
  c10::Device home() const { return max_memory ? c10::Device(c10::kCPU) : device; }
  /// What the scheduler config says of the noise.
  samplers::ScheduleConfig schedule() const {
    return samplers::ScheduleConfig::read(Config(scheduler, scheduler_path));
  }
  /// Of all networks' weights, wherever they are, and of those that LoRAs have changed.
  int64_t bytes() const;

  c10::Device device;
  c10::ScalarType dtype;
  nlohmann::json scheduler;            // the scheduler config that the model goes by
  std::string scheduler_path;          // the file that it was read from
  double noise_correlation = 0;        // of consecutive frames, see samplers::correlateFrames
  bool plain_kernels = false;          // see nn/plain_kernels.h
  std::optional<uint64_t> max_memory;  // bytes
  weights::LoraStack loras;
  weights::Origins origins;  // what it was loaded from, for what is trained on it
  /// For requests that may use what the last one's were encoded to, as those do whose weights stay.
  std::shared_ptr<Encodings> encodings = std::make_shared<Encodings>();
  /// The same model on other devices, for what a request computes at the same time.
  std::vector<std::unique_ptr<Pipeline>> copies;
  nlohmann::json description;  // of what was loaded from where, for `describe()`
};

inline c10::Device deviceOf(const Pipeline& pipeline) {
  return pipeline.device;
}

/// One video, or none where its frames are handed out. Throws `ErrorCode::InvalidOption` for what this model
/// cannot do and `ErrorCode::Aborted` within one network evaluation after a cancellation.
Frames sample(const Pipeline& pipeline, const SampleRequest& request, const OnProgress& onProgress,
              const Cancellation& cancellation);

/// What the codec makes of a picture: encoded, and decoded from the mode. Throws `ErrorCode::InvalidOption`
/// for sides that are no multiples of its stride.
RgbImage reconstruct(const Pipeline& pipeline, const RgbImage& image);

}  // namespace cameo::pipeline
