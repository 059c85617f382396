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

/// Puts the tensors of a pickled state dict into `source`, whether it stands alone or in a dictionary under
/// "state_dict", "model" or "module", each checked to lie inside its storage. Plain values beside the tensors
/// are left out. Where the pickle is a word's as A1111's program saves it, the tensors are those under
/// "string_to_param", with that before their names, and the metadata have the word's `name`; where it is an
/// IP-Adapter's, those under "image_proj" and "ip_adapter".
void readStateDict(const PickleValue& root, const std::shared_ptr<const MappedFile>& file,
                   const StorageLookup& storage_bytes, TensorSource& source);

}  // namespace cameo::weights
