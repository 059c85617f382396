#pragma once

#include <string>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Reads a `*.index.json` (`{"weight_map": {"name": "shard file", ...}}`) and opens its shards, which lie in
/// the same folder. Every tensor is in the shard that the index says, and in no other. Throws
/// `ErrorCode::WeightsFormat`.
TensorSource readShardedIndex(const std::string& path);

}  // namespace cameo::weights
