#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"
#include "train/latents.h"
#include "train/objective.h"
#include "train/options.h"
#include "train/vae_objective.h"

namespace cameo::train {

/// One sample as the data layer gives it: pictures, or latents that were kept.
struct Sample {
  int64_t position = 0;      // in the run's endless sequence; what is drawn for it depends on it alone
  std::vector<int32_t> ids;  // of the caption
  int64_t width = 0;
  int64_t height = 0;
  int64_t references = 0;             // how many of the pictures are references; they are the last ones
  std::vector<uint8_t> rgb;           // (F+R, height, width, 3); empty where there are latents
  std::optional<EncodedImages> kept;  // from the cache
  std::string cache_path;             // where to keep the latents; empty: nowhere
};

using MicroBatch = std::vector<Sample>;

/// What one step of the optimiser takes.
struct StepInput {
  std::vector<MicroBatch> batches;
  std::vector<int32_t> empty_ids;  // of the empty prompt, for samples that lose their condition
  bool stop = false;               // this process was asked to stop after the step
};

/// Encodes what is to be encoded and draws what is drawn for each sample: whether it loses its condition, its
/// timestep, its noise. Frames' latents are drawn from the posterior, references' are its mode, as in
/// sampling. The text records gradients only where `train_text` is set. Throws `ErrorCode::InvalidOption` for
/// samples that do not fit together or to the networks.
Batch makeBatch(const pipeline::Pipeline& pipeline, const TrainerOptions& options, const MicroBatch& samples,
                const std::vector<int32_t>& empty_ids, bool train_text);

/// The pictures of samples of one picture each, and the noise drawn for their latents. Throws as `makeBatch`.
VaeBatch makeVaeBatch(const pipeline::Pipeline& pipeline, uint64_t seed, const MicroBatch& samples);

}  // namespace cameo::train
