#include "weights/layout.h"

#include <c10/util/safe_numerics.h>

#include <algorithm>

namespace cameo::weights {

std::optional<std::vector<int64_t>> rowMajorStrides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  uint64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] < 0) return std::nullopt;
    strides[i] = static_cast<int64_t>(step);
    const auto size = static_cast<uint64_t>(std::max<int64_t>(shape[i], 1));
    if (c10::mul_overflows(step, size, &step) || step > INT64_MAX) return std::nullopt;
  }
  return strides;
}

std::optional<uint64_t> elementSpan(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  if (!rowMajorStrides(shape)) return std::nullopt;
  uint64_t last = 0;
  bool is_empty = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (strides[i] < 0) return std::nullopt;
    if (shape[i] == 0) is_empty = true;
    const auto steps = static_cast<uint64_t>(std::max<int64_t>(shape[i], 1) - 1);
    uint64_t distance = 0;
    if (c10::mul_overflows(steps, static_cast<uint64_t>(strides[i]), &distance)) return std::nullopt;
    if (c10::add_overflows(last, distance, &last) || last >= INT64_MAX) return std::nullopt;
  }
  return is_empty ? 0 : last + 1;
}

}  // namespace cameo::weights
