#pragma once

#include <memory>
#include <string>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Opens a weight file: safetensors, GGUF, a torch.save pickle (zip or legacy), or a sharded `*.index.json`
/// with its shards. What a network was wrapped in when it was saved (`module.`, `_orig_mod.`) is not in the
/// tensors' names. The content decides, not the extension. Nothing in the file is run and no tensor is read
/// yet.
///
/// Throws `ErrorCode::WeightsFormat` for what isn't a weight file or is damaged, with a guess at what it is,
/// and `ErrorCode::WeightsUnsafe` for a pickle that asks to run something.
std::shared_ptr<const TensorSource> openWeights(const std::string& path);

/// As `openWeights`, for one file: an index is no weight file.
TensorSource openWeightFile(const std::string& path);

}  // namespace cameo::weights
