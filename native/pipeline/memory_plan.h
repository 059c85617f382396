#pragma once

#include <algorithm>

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// The memory that a request is computed in.
struct MemoryPlace {
  bool is_cpu = true;
  std::optional<uint64_t> allowed;  // bytes; none: as much as there is
};

/// How a request is computed to stay within what is allowed, and what it needs so, by an estimate.
struct MemoryPlan {
  bool branches_apart = false;   // guidance's branches one after the other
  bool tiled = false;            // the codec by tiles
  int64_t decoded_together = 0;  // frames, of a codec that decodes several together; 0: all
  double weights = 0;            // bytes, of all networks that are in this memory at the same time
  double denoiser = 0;           // bytes beside them while it denoises
  double codec = 0;              // bytes beside them while it decodes

  double total() const { return weights + std::max(denoiser, codec); }
};

/// What changes least about the request and keeps it within what is allowed; nothing where nothing is said of
/// that. Throws `ErrorCode::OutOfMemory` where nothing does.
MemoryPlan planMemory(const Pipeline& pipeline, const SampleRequest& request, const MemoryPlace& place);
/// On the model's own device.
MemoryPlan planMemory(const Pipeline& pipeline, const SampleRequest& request);

/// The plan of what `sample` makes of a request. Computes nothing, and throws as it does for what this model
/// can't do.
MemoryPlan planOf(const Pipeline& pipeline, const SampleRequest& request, const MemoryPlace& place);

/// Whether the VAE works by tiles, where only it is needed, for a picture of this size. Throws as
/// `planMemory`.
bool planTiles(const Pipeline& pipeline, int64_t width, int64_t height);

}  // namespace cameo::pipeline
