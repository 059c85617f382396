#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/latents.h"

namespace cameo::train {

/// A caption as the text encoder reads it.
struct Caption {
  std::vector<int32_t> ids;
  std::string states_path = {};  // where its states are kept, or are to be kept; empty: nowhere
};

/// One sample as the data layer gives it: pictures, or latents that were kept.
struct Sample {
  int64_t position = 0;  // in the run's endless sequence; what is drawn for it depends on it alone
  Caption caption;
  int64_t width = 0;
  int64_t height = 0;
  int64_t references = 0;  // how many of the pictures are references; they are the last ones
  std::vector<std::array<double, 4>> regions;  // boxes of several subjects; empty: one subject, everywhere
  std::optional<double> motion_bucket;         // how much moves in the clip; none: what the objective says
  std::vector<uint8_t> rgb;                    // (F+R, height, width, 3); empty where there are latents
  std::optional<models::Posterior> kept;       // from the cache: frames, or a film, and then references
  std::string cache_path;                      // where to keep the latents; empty: nowhere
};

using MicroBatch = std::vector<Sample>;

/// What one step of the optimiser takes.
struct StepInput {
  std::vector<MicroBatch> batches;
  Caption empty;      // the empty prompt, for samples that lose their condition
  bool stop = false;  // this process was asked to stop after the step
};

/// Of all that is drawn for a sample, by its position alone.
at::Generator generatorOf(uint64_t seed, const Sample& sample);

/// The sample's pictures (n, 3, H, W), as `picturesOf` gives them; undefined where its latents were kept.
at::Tensor picturesOf(const pipeline::LatentCodec& codec, const Sample& sample);

/// What the codec makes of them, kept or encoded now; then written to where it is to be kept.
models::Posterior latentsOf(const pipeline::LatentCodec& codec, const Sample& sample,
                            const at::Tensor& pictures);

/// Throws `ErrorCode::InvalidOption` where a sample's tensor is not of the size of the first sample's.
void requireSameSize(const at::Tensor& sample, const at::Tensor& first);

}  // namespace cameo::train
