#include "parallel/partition.h"

#include <algorithm>
#include <numeric>

namespace cameo::parallel {

std::vector<int64_t> partition(const std::vector<int64_t>& sizes, int64_t ranks) {
  std::vector<size_t> largest_first(sizes.size());
  std::iota(largest_first.begin(), largest_first.end(), size_t{0});
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  std::vector<int64_t> owners(sizes.size()), owned(static_cast<size_t>(ranks), 0);
  for (const size_t index : largest_first) {
    const auto least = std::min_element(owned.begin(), owned.end());
    *least += sizes[index];
    owners[index] = least - owned.begin();
  }
  return owners;
}

}  // namespace cameo::parallel
