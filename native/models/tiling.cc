#include "models/tiling.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace cameo::models {

namespace {

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

TileSide TileSide::withQuarter(int64_t input, int64_t output) {
  return {input, output, std::max<int64_t>(1, input * 3 / 4), output / 4};
}

at::Tensor mapTiles(const at::Tensor& x, const TileSide& rows, const TileSide& columns,
                    const std::function<at::Tensor(const at::Tensor&)>& map) {
  const int64_t height = x.size(2), width = x.size(3);
  if (height <= rows.input && width <= columns.input) return map(x);
  std::vector<at::Tensor> done, above;
  for (int64_t y = 0; y < height; y += rows.stride) {
    std::vector<at::Tensor> row, cropped;
    for (int64_t left = 0; left < width; left += columns.stride) {
      const at::Tensor tile = map(x.slice(2, y, y + rows.input).slice(3, left, left + columns.input));
      if (!above.empty()) blend(above[row.size()], tile, 2, rows.blended);
      if (!row.empty()) blend(row.back(), tile, 3, columns.blended);
      row.push_back(tile);
      cropped.push_back(
          tile.slice(2, 0, rows.output - rows.blended).slice(3, 0, columns.output - columns.blended));
    }
    done.push_back(at::cat(cropped, 3));
    above = std::move(row);
  }
  return at::cat(done, 2);
}

}  // namespace cameo::models
