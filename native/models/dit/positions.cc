#include "models/dit/positions.h"

#include <ATen/ATen.h>

#include <cmath>

namespace cameo::models {

namespace {

constexpr double kLongestWave = 10000;

at::Tensor scaledPlaces(int64_t count, double scale, const at::Tensor& like) {
  return at::arange(count, like.options().dtype(at::kFloat)) / scale;
}

/// Angles (n, numbers / 2) of each place.
at::Tensor anglesOf(const RotaryAxis& axis) {
  const at::Tensor exponents =
      at::arange(0, axis.numbers, 2, axis.places.options()) / static_cast<double>(axis.numbers);
  const at::Tensor frequencies = at::pow(kLongestWave, exponents).reciprocal_();
  return at::outer(axis.places, frequencies);
}

}  // namespace

at::Tensor sincosPositions(const at::Tensor& positions, int64_t dim) {
  const at::Tensor exponents =
      at::arange(dim / 2, positions.options().dtype(at::kDouble)) / (static_cast<double>(dim) / 2);
  const at::Tensor angles =
      at::outer(positions.to(at::kDouble), at::pow(kLongestWave, exponents).reciprocal_());
  return at::cat({angles.sin(), angles.cos()}, 1);
}

void addSincosPositions(const at::Tensor& x, const TokenGrid& grid, const PositionScales& scales) {
  const int64_t dim = x.size(2), of_time = dim / 4, of_space = 3 * dim / 8;
  const at::Tensor cells = x.unflatten(1, {grid.frames, grid.height, grid.width});
  const auto codes = [&](int64_t count, double scale, int64_t numbers) {
    return sincosPositions(scaledPlaces(count, scale, x), numbers).to(x.scalar_type());
  };
  cells.narrow(4, 0, of_time)
      .add_(codes(grid.frames, scales.time, of_time).view({grid.frames, 1, 1, of_time}));
  cells.narrow(4, of_time, of_space)
      .add_(codes(grid.width, scales.space, of_space).view({1, 1, grid.width, of_space}));
  cells.narrow(4, of_time + of_space, of_space)
      .add_(codes(grid.height, scales.space, of_space).view({1, grid.height, 1, of_space}));
}

Rotary rotaryOf(const RotaryAxis& time, const RotaryAxis& rows, const RotaryAxis& columns) {
  const int64_t frames = time.places.size(0), height = rows.places.size(0), width = columns.places.size(0);
  const at::Tensor of_time = anglesOf(time), of_rows = anglesOf(rows), of_columns = anglesOf(columns);
  const auto overGrid = [&](const at::Tensor& angles, at::IntArrayRef shape) {
    return angles.view(shape).expand({frames, height, width, -1});
  };
  const at::Tensor angles =
      at::cat({overGrid(of_time, {frames, 1, 1, -1}), overGrid(of_rows, {1, height, 1, -1}),
               overGrid(of_columns, {1, 1, width, -1})},
              3)
          .flatten(0, 2);  // (L, head's numbers / 2)
  const at::Tensor cos = angles.cos().to(at::kFloat), sin = angles.sin().to(at::kFloat);
  return {at::stack({cos, cos}, -1).flatten(1), at::stack({-sin, sin}, -1).flatten(1)};
}

at::Tensor rotated(const at::Tensor& x, const Rotary& rotary) {
  const at::Tensor cos = rotary.cos.unsqueeze(1), sin = rotary.sin.unsqueeze(1);  // (L, 1, d)
  const at::Tensor exact = x.to(at::kFloat);
  const at::Tensor swapped = exact.unflatten(-1, {-1, 2}).flip(-1).flatten(-2);
  return exact * cos + swapped * sin;
}

void rotate(const at::Tensor& x, const Rotary& rotary) {
  // One sample after another: what is in between is the largest thing here.
  for (int64_t sample = 0; sample < x.size(0); ++sample) x[sample].copy_(rotated(x[sample], rotary));
}

}  // namespace cameo::models
