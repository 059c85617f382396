#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "cpu/vector.h"

// What the convolution and its kernel's gradient have in common.
namespace cameo::cpu {

constexpr int64_t kOut = 4;             // a tile's side in the result
constexpr int64_t kIn = 6;              // and in the input: kOut + 3 - 1
constexpr int64_t kPlanes = kIn * kIn;  // products, each of one place in a tile
constexpr int64_t kMaxTiles = 64;       // rows of a matrix product

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

/// V = B^T d B of tiles `first` to `last`: x (N, H, W, C) -> v (36, stride, C), whose row 0 is that of
/// `first`.
void inputTiles(const float* x, const Tiling& tiling, int64_t channels, int64_t first, int64_t last,
                int64_t stride, float* v);

}  // namespace cameo::cpu
