#pragma once

#include <string_view>
#include <vector>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Matrices that a file has as one, their rows one after the other: how its name ends, and how theirs do.
struct JoinedRows {
  std::string_view end;
  std::vector<std::string_view> parts;
};

/// The file with these taken apart. Those that can't be, and GGUF's blocks, stay as they are.
TensorSource withRowsApart(const TensorSource& source, const std::vector<JoinedRows>& joined);

}  // namespace cameo::weights
