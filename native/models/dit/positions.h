#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/dit/patches.h"

namespace cameo::models {

/// sin, then cos, of each position at `dim` / 2 frequencies that fall from 1 to nearly 1 / 10000, fp64:
/// positions (n) -> (n, dim).
at::Tensor sincosPositions(const at::Tensor& positions, int64_t dim);

/// Adds to a film's tokens x (B, L, dim), in place, the codes of their places: a quarter of `dim` for time,
/// then three eighths each for columns and rows. Places are divided by their scale.
struct PositionScales {
  double space = 1;
  double time = 1;
};
void addSincosPositions(const at::Tensor& x, const TokenGrid& grid, const PositionScales& scales);

/// What turns neighbouring pairs of a head's numbers by angles (arXiv 2104.09864): x becomes x cos + (x with
/// the numbers of each pair swapped) sin. (L, head's numbers), fp32.
struct Rotary {
  at::Tensor cos;  // of each pair's angle, twice
  at::Tensor sin;  // the first of each two negated
};

/// Places along one axis, (n), and how many of a head's numbers are turned by them.
struct RotaryAxis {
  at::Tensor places;
  int64_t numbers = 0;
};

/// Of a film's tokens: by time, by row and by column, one after the other in each head. Angles are computed
/// in the places' type.
Rotary rotaryOf(const RotaryAxis& time, const RotaryAxis& rows, const RotaryAxis& columns);

/// Turns x (B, L, H, d), in place; its last dimension is dense.
void rotate(const at::Tensor& x, const Rotary& rotary);
/// The same of x (..., L, H, d), fp32, differentiable.
at::Tensor rotated(const at::Tensor& x, const Rotary& rotary);

}  // namespace cameo::models
