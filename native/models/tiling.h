#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace cameo::models {

/// A tile's height and width before and after the mapping.
struct TileSizes {
  int64_t input = 0;
  int64_t output = 0;
};

/// Applies `map` to overlapping tiles of x (N, C, H, W) and blends the overlaps linearly: a quarter of a
/// tile, as diffusers does. An x no larger than one tile is mapped whole.
at::Tensor mapTiles(const at::Tensor& x, const TileSizes& sizes,
                    const std::function<at::Tensor(const at::Tensor&)>& map);

}  // namespace cameo::models
