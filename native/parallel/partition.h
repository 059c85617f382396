#pragma once

#include <cstdint>
#include <vector>

namespace cameo::parallel {

/// The rank that owns each of the tensors with `sizes` elements, so that all ranks own about as much: the
/// largest tensor first, each to the rank that owns least so far. The same answer on every rank.
std::vector<int64_t> partition(const std::vector<int64_t>& sizes, int64_t ranks);

}  // namespace cameo::parallel
