#include "models/tiling.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace cameo::models {

namespace {

constexpr double kOverlap = 0.25;

/// Fades the first `extent` positions of `tile` along `dim` in from the last ones of `before`, in place.
void blend(const at::Tensor& before, const at::Tensor& tile, int64_t dim, int64_t extent) {
  extent = std::min({before.size(dim), tile.size(dim), extent});
  if (extent == 0) return;
  std::vector<int64_t> shape(4, 1);
  shape[dim] = extent;
  const at::Tensor weight =
      (at::arange(extent, at::kFloat) / static_cast<double>(extent)).to(tile.options()).view(shape);
  tile.narrow(dim, 0, extent).lerp_(before.narrow(dim, before.size(dim) - extent, extent), 1 - weight);
}

}  // namespace

at::Tensor mapTiles(const at::Tensor& x, const TileSizes& sizes,
                    const std::function<at::Tensor(const at::Tensor&)>& map) {
  const int64_t height = x.size(2), width = x.size(3);
  if (height <= sizes.input && width <= sizes.input) return map(x);
  const auto stride =
      std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(sizes.input) * (1 - kOverlap)));
  const auto extent = static_cast<int64_t>(static_cast<double>(sizes.output) * kOverlap);
  const int64_t kept = sizes.output - extent;

  std::vector<at::Tensor> rows, above;
  for (int64_t y = 0; y < height; y += stride) {
    std::vector<at::Tensor> row, cropped;
    for (int64_t left = 0; left < width; left += stride) {
      const at::Tensor tile = map(x.slice(2, y, y + sizes.input).slice(3, left, left + sizes.input));
      if (!above.empty()) blend(above[row.size()], tile, 2, extent);
      if (!row.empty()) blend(row.back(), tile, 3, extent);
      row.push_back(tile);
      cropped.push_back(tile.slice(2, 0, kept).slice(3, 0, kept));
    }
    rows.push_back(at::cat(cropped, 3));
    above = std::move(row);
  }
  return at::cat(rows, 2);
}

}  // namespace cameo::models
