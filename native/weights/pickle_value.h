#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace cameo::weights {

/// A storage that a pickle refers to: the tensors' bytes, which lie elsewhere in the file.
struct PickleStorage {
  std::string_view key;
  std::optional<c10::ScalarType> dtype;  // nullopt for an untyped one, whose elements are bytes
  int64_t numel = 0;
  int64_t view_offset = 0;  // in elements; only the legacy format has views of storages
};

/// A tensor as a pickle claims it to be; nothing of it is checked against its storage.
struct PickleTensor {
  PickleStorage storage;
  c10::ScalarType dtype = c10::kFloat;
  int64_t offset = 0;  // in elements
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

/// What the restricted pickle machine makes: plain values and descriptions of tensors, never an object of a
/// class. Values refer to each other, in cycles too; the machine owns them all.
struct PickleValue {
  enum class Kind { Plain, Int, Text, Tuple, List, Dict, Global, Storage, Tensor };

  Kind kind = Kind::Plain;                // Plain: None, a float, bytes, ...: of no further interest
  int64_t integer = 0;                    // Int (and bool); Global: its index in the table of known ones
  std::string_view text;                  // Text: a view into the file
  std::vector<const PickleValue*> items;  // Tuple, List; Dict: key, value, key, value, ...
  std::shared_ptr<PickleTensor> tensor;   // Tensor; Storage: only `storage` counts
};

/// What a dictionary has under this name, where it is of this kind; else null.
const PickleValue* itemNamed(const PickleValue& dict, std::string_view name, PickleValue::Kind kind);

}  // namespace cameo::weights
