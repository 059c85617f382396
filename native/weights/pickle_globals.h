#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

#include "weights/pickle_value.h"

namespace cameo::weights {

/// The names that a pickle may ask for, all there are.
enum class GlobalKind {
  OrderedDict,
  ParameterDict,
  Set,
  RebuildTensor,
  RebuildTensorV2,
  RebuildTensorV3,
  RebuildParameter,
  Size,
  Device,
  EncodeBytes,
  StorageType,
  Dtype,
};

struct KnownGlobal {
  std::string_view module;
  std::string_view name;
  GlobalKind kind;
  std::optional<c10::ScalarType> dtype = std::nullopt;  // StorageType, unless untyped; Dtype
};

/// The index of a known name. Throws `ErrorCode::WeightsUnsafe`, naming it, for any other, and
/// `ErrorCode::WeightsFormat` for a dtype that isn't supported. `path` is for messages.
int64_t findGlobal(std::string_view module, std::string_view name, const std::string& path);
const KnownGlobal& globalAt(int64_t index);

/// What `function(*args)` gives. Only the functions of the table above exist, and each of them only
/// describes. `path` is for messages.
PickleValue applyGlobal(const KnownGlobal& function, const PickleValue& args, const std::string& path);

/// The storage that a persistent id of torch.save describes: ('storage', type, key, location, numel[, view]).
PickleValue storageOf(const PickleValue& persistent_id, const std::string& path);

/// Throws `ErrorCode::WeightsUnsafe`: `what` is what the pickle asked for.
[[noreturn]] void refusePickle(const std::string& path, const std::string& what);

}  // namespace cameo::weights
