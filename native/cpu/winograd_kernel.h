#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

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

/// From `first` to before `last`.
struct Channels {
  int64_t first, last;

  int64_t count() const { return last - first; }
};

/// The transformed kernel U = G w G^T of F(4x4, 3x3) (arXiv 1509.09308, section 4.3), 36 planes of (inputs,
/// outputs): that of the i-th of `inputs` and the k-th of `outputs`, in multiples of 16 both, is at u + plane
/// * `of_plane` + i * `of_input` + k.
void kernelPlanes(const KernelView& w, Channels inputs, Channels outputs, int64_t of_plane, int64_t of_input,
                  float* u);

}  // namespace cameo::cpu
