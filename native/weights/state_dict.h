#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "weights/pickle_value.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// Where a storage's bytes lie in the file.
struct StorageBytes {
  uint64_t offset;
  uint64_t size;
};
using StorageLookup = std::function<StorageBytes(const PickleStorage& storage)>;

/// Bytes of one element.
uint64_t elementBytes(const PickleStorage& storage);

/// The tensors of a pickled state dict, alone or in a dictionary under "state_dict", "model" or "module",
/// each checked to lie inside its storage. Plain values beside the tensors are left out.
std::vector<TensorEntry> stateDictEntries(const PickleValue& root,
                                          const std::shared_ptr<const MappedFile>& file,
                                          const StorageLookup& storage_bytes);

}  // namespace cameo::weights
