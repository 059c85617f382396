#pragma once

#include <memory>

#include "pipeline/pipeline.h"

namespace cameo::families {

/// Loads the model that the options name, of whatever family it is.
std::unique_ptr<pipeline::Pipeline> loadPipeline(const pipeline::LoadOptions& options,
                                                 const pipeline::OnProgress& onProgress,
                                                 const Cancellation& cancellation);

}  // namespace cameo::families
