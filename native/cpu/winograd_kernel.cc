#include "cpu/winograd_kernel.h"

#include <ATen/ATen.h>

#include "cpu/vector.h"
#include "cpu/winograd_tiles.h"

namespace cameo::cpu {

#if CAMEO_CPU_KERNELS

namespace {

constexpr int64_t kTaps = 9;

/// Of `kLanes` inputs, each tap of `kLanes` outputs.
using Block = float[kLanes][kTaps][kLanes];

/// The block whose first number is at `from`. In both layouts that PyTorch has, either what belongs to an
/// output or what belongs to an input is in one piece, which is read as it comes and turned.
CAMEO_INLINE void readBlock(const KernelView& w, const float* from, Block& block) {
  const auto tap = [&](int64_t i) { return from + i / 3 * w.of_row + i % 3 * w.of_column; };
  Vector square[kLanes];
  if (w.of_in == kTaps && w.of_row == 3 && w.of_column == 1) {
    for (int64_t part = 0; part < kTaps; ++part) {
      for (int64_t k = 0; k < kLanes; ++k) square[k] = load(from + k * w.of_out + part * kLanes);
      transpose(square);
      for (int64_t i = 0; i < kLanes; ++i) store(&block[0][0][0] + (part * kLanes + i) * kLanes, square[i]);
    }
  } else if (w.of_in == 1) {
    for (int64_t i = 0; i < kTaps; ++i) {
      for (int64_t k = 0; k < kLanes; ++k) {
        square[k] = load(tap(i) + k * w.of_out);
        __builtin_prefetch(tap(i) + k * w.of_out + kLanes);  // of the next inputs
      }
      transpose(square);
      for (int64_t c = 0; c < kLanes; ++c) store(block[c][i], square[c]);
    }
  } else {
    for (int64_t c = 0; c < kLanes; ++c) {
      for (int64_t i = 0; i < kTaps; ++i) {
        for (int64_t k = 0; k < kLanes; ++k) block[c][i][k] = tap(i)[c * w.of_in + k * w.of_out];
      }
    }
  }
}

/// G w.
CAMEO_INLINE void transformKernel(const Vector (&w)[3], Vector (&t)[kIn]) {
  const Vector a = (w[0] + w[2]) * (1 / 6.f), b = w[1] * (1 / 6.f);
  const Vector c = (w[0] * (1 / 4.f) + w[2]) * (1 / 6.f), e = w[1] * (1 / 12.f);
  t[0] = w[0] * (1 / 4.f);
  t[1] = -a - b;
  t[2] = b - a;
  t[3] = c + e;
  t[4] = c - e;
  t[5] = w[2];
}

/// U of one input and `kLanes` outputs.
CAMEO_INLINE void kernelTile(const float (&taps)[kTaps][kLanes], int64_t of_plane, float* u) {
  Vector columns[3][kIn];  // G w, column by column
  for (int64_t j = 0; j < 3; ++j) {
    const Vector d[3] = {load(taps[j]), load(taps[3 + j]), load(taps[6 + j])};
    transformKernel(d, columns[j]);
  }
  for (int64_t i = 0; i < kIn; ++i) {
    const Vector row[3] = {columns[0][i], columns[1][i], columns[2][i]};
    Vector t[kIn];
    transformKernel(row, t);
    for (int64_t j = 0; j < kIn; ++j) store(u + (i * kIn + j) * of_plane, t[j]);
  }
}

}  // namespace

KernelView::KernelView(const at::Tensor& weight, bool turned)
    : values(weight.const_data_ptr<float>()),
      out(weight.size(turned ? 1 : 0)),
      in(weight.size(turned ? 0 : 1)),
      of_out(weight.stride(turned ? 1 : 0)),
      of_in(weight.stride(turned ? 0 : 1)),
      of_row(weight.stride(2)),
      of_column(weight.stride(3)) {
  if (!turned) return;
  values += 2 * of_row + 2 * of_column;
  of_row = -of_row;
  of_column = -of_column;
}

CAMEO_FOR_EACH_CPU void kernelPlanes(const KernelView& w, Range inputs, Range outputs, const Planes& planes,
                                     float* u) {
  for (int64_t k = outputs.first; k < outputs.last; k += kLanes) {
    for (int64_t c = inputs.first; c < inputs.last; c += kLanes) {
      Block block;
      readBlock(w, w.values + c * w.of_in + k * w.of_out, block);
      for (int64_t i = 0; i < kLanes; ++i)
        kernelTile(block[i], planes.plane, u + (c + i - inputs.first) * planes.row + k - outputs.first);
    }
  }
}

#endif

}  // namespace cameo::cpu
