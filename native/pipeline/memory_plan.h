#pragma once

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// How a request is computed to stay within `Pipeline::max_memory`.
struct MemoryPlan {
  bool branches_apart = false;   // guidance's branches one after the other
  bool tiled = false;            // the codec by tiles
  int64_t decoded_together = 0;  // frames, of a codec that decodes several together; 0: all
};

/// What changes least about the request and keeps it within the budget, by an estimate; nothing without a
/// budget. Throws `ErrorCode::OutOfMemory` where nothing does.
MemoryPlan planMemory(const Pipeline& pipeline, const SampleRequest& request);

/// Whether the VAE works by tiles, where only it is needed, for a picture of this size. Throws as
/// `planMemory`.
bool planTiles(const Pipeline& pipeline, int64_t width, int64_t height);

}  // namespace cameo::pipeline
