#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cameo::weights {

// Limits that no real weight file comes near, so that a hostile one cannot use more memory than a real one.
constexpr size_t kMaxTensors = 200'000;
constexpr size_t kMaxDims = 16;

/// Row-major strides in elements; nullopt for a negative size or where the product of the sizes (those of 0
/// taken as 1) overflows.
std::optional<std::vector<int64_t>> rowMajorStrides(const std::vector<int64_t>& shape);

/// Elements from the first one to the last one, 0 where there are none; nullopt for a negative size or stride
/// or where the count, of elements or of the distance, overflows.
std::optional<uint64_t> elementSpan(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides);

}  // namespace cameo::weights
