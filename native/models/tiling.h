#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace cameo::models {

/// A tile's height or width before and after the mapping, and how far it is to the next.
struct TileSide {
  int64_t input = 0;
  int64_t output = 0;
  int64_t stride = 0;   // in the input
  int64_t blended = 0;  // of the output: what is blended with the tile before

  /// A quarter is shared with the next tile, as diffusers has it.
  static TileSide withQuarter(int64_t input, int64_t output);
};

/// Applies `map` to overlapping tiles of x (N, C, H, W) and blends the overlaps linearly. It may change N. An
/// x no larger than one tile is mapped whole.
at::Tensor mapTiles(const at::Tensor& x, const TileSide& rows, const TileSide& columns,
                    const std::function<at::Tensor(const at::Tensor&)>& map);

}  // namespace cameo::models
