#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "cpu/matrix.h"
#include "cpu/vector.h"

// What the convolution and its kernel's gradient have in common.
namespace cameo::cpu {

constexpr int64_t kOut = 4;             // a tile's side in the result
constexpr int64_t kIn = 6;              // and in the input: kOut + 3 - 1
constexpr int64_t kPlanes = kIn * kIn;  // products, each of one place in a tile

/// The images and their tiles.
struct Tiling {
  int64_t height, width, rows, columns;

  explicit Tiling(const at::Tensor& x)
      : height(x.size(2)),
        width(x.size(3)),
        rows((height + kOut - 1) / kOut),
        columns((width + kOut - 1) / kOut) {}

  int64_t perImage() const { return rows * columns; }
};

/// A tile's place: its image, and its first row and column in the result.
struct Place {
  int64_t image, y, x;

  Place(const Tiling& tiling, int64_t tile)
      : image(tile / tiling.perImage()),
        y(tile % tiling.perImage() / tiling.columns * kOut),
        x(tile % tiling.columns * kOut) {}
};

/// From `first` to before `last`.
struct Range {
  int64_t first, last;

  int64_t count() const { return last - first; }
};

/// 36 planes of rows: how many numbers lie from a plane to the next, and from row to row.
struct Planes {
  int64_t plane, row;

  /// Planes a cache line further apart than they need: at a power of two they would share a few of a cache's
  /// sets.
  static Planes of(int64_t rows, int64_t row) { return {rows * row + kLine, row}; }

  int64_t numbers() const { return kPlanes * plane; }
};

/// V = B^T d B of some tiles and some of the `all` channels: x (N, H, W, all) -> v (36, tiles, channels).
void inputTiles(const float* x, const Tiling& tiling, int64_t all, Range channels, Range tiles,
                const Planes& planes, float* v);

}  // namespace cameo::cpu
