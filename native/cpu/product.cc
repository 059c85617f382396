#include "cpu/product.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "cpu/matrix.h"
#include "cpu/pieces.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kColumns = 64;                  // of a panel
constexpr int64_t kLeastRows = 128;               // for which packing the weight pays
constexpr int64_t kMostRows = 192, kDepth = 640;  // of x, which stay in a core's second cache

/// Rows of y += bias + added, either of which may be null.
CAMEO_FOR_EACH_CPU void addToRows(float* y, const float* bias, const float* added, int64_t rows,
                                  int64_t columns, int64_t stride) {
  for (int64_t i = 0; i < rows; ++i, y += stride, added += added ? stride : 0) {
    for (int64_t c = 0; c < columns; ++c) y[c] += (bias ? bias[c] : 0.0f) + (added ? added[c] : 0.0f);
  }
}

struct Product {
  const float *x, *bias, *added;
  float* y;
  int64_t rows, in, out;

  /// Rows `first` to `last` of y, panel by panel of the packed weight.
  void multiplyRows(const float* packed, int64_t first, int64_t last) const {
    for (int64_t input = 0; input < in; input += kDepth) {
      const int64_t depth = std::min(kDepth, in - input);
      for (int64_t column = 0; column < out; column += kColumns) {
        const int64_t columns = std::min(kColumns, out - column), place = first * out + column;
        const float* const panel = packed + column * in + input * kColumns;
        multiply(last - first, columns, depth, {x + first * in + input, in}, {panel, kColumns}, y + place,
                 out,
                 /*adds=*/input > 0);
        if (input + depth < in || (bias == nullptr && added == nullptr)) continue;
        addToRows(y + place, bias ? bias + column : nullptr, added ? added + place : nullptr, last - first,
                  columns, out);
      }
    }
  }
};

/// A weight (out, in) in panels of (in, kColumns), the last one of which may be filled in part.
at::Tensor packed(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const at::Tensor panels = at::empty({roundedUp(out, kColumns) * in}, weight.options());
  const float* const from = weight.const_data_ptr<float>();
  float* const to = panels.mutable_data_ptr<float>();
  const int64_t out_stride = weight.stride(0), in_stride = weight.stride(1);
  forEachPiece(out, kColumns, [&](int64_t first, int64_t last) {
    float* const panel = to + first * in;
    if (in_stride == 1) {
      turn({from + first * out_stride, out_stride}, last - first, in, panel, kColumns);
    } else {
      for (int64_t i = 0; i < in; ++i) {
        std::copy_n(from + first + i * in_stride, last - first, panel + i * kColumns);
      }
    }
  });
  return panels;
}

#endif

}  // namespace

bool productTakes(const at::Tensor& x, const at::Tensor& weight) {
#if CAMEO_CPU_KERNELS
  const auto isMatrix = [](const at::Tensor& t) {
    return t.is_cpu() && t.scalar_type() == at::kFloat && t.dim() == 2 && t.numel() > 0;
  };
  return isMatrix(x) && isMatrix(weight) && x.is_contiguous() && x.size(0) >= kLeastRows &&
         (weight.stride(1) == 1 || weight.stride(0) == 1) && hasMatrixKernel();
#else
  return false;
#endif
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                   const at::Tensor& added) {
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
#if CAMEO_CPU_KERNELS
  const auto pointer = [](const at::Tensor& t) { return t.defined() ? t.const_data_ptr<float>() : nullptr; };
  const Product job{.x = x.const_data_ptr<float>(),
                    .bias = pointer(bias),
                    .added = pointer(added),
                    .y = y.mutable_data_ptr<float>(),
                    .rows = x.size(0),
                    .in = x.size(1),
                    .out = weight.size(0)};
  const at::Tensor panels = packed(weight);
  const float* const packed_weight = panels.const_data_ptr<float>();
  forEachPiece(job.rows, equalShare(job.rows, kMostRows),
               [&](int64_t first, int64_t last) { job.multiplyRows(packed_weight, first, last); });
#endif
  return y;
}

}  // namespace cameo::cpu
