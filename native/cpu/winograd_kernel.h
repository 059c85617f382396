#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "cpu/winograd_tiles.h"

namespace cameo::cpu {

/// A kernel (out, in, 3, 3) where it is, by its strides.
struct KernelView {
  const float* values;
  int64_t out, in;
  int64_t of_out, of_in, of_row, of_column;

  /// `turned`: of the kernel that takes the result's gradient back to x, (in, out, 3, 3), turned by 180
  /// degrees.
  explicit KernelView(const at::Tensor& weight, bool turned = false);
};

/// The transformed kernel U = G w G^T of F(4x4, 3x3) (arXiv 1509.09308, section 4.3), u (36, inputs,
/// outputs), of some inputs and some outputs, in multiples of 16 both.
void kernelPlanes(const KernelView& w, Range inputs, Range outputs, const Planes& planes, float* u);

}  // namespace cameo::cpu
