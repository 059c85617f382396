#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "cpu/matrix.h"
#include "cpu/pieces.h"
#include "cpu/winograd.h"
#include "cpu/winograd_tiles.h"

namespace cameo::cpu {

namespace {

constexpr int64_t kMaxTiles = 64;  // depth of a matrix product

#if CAMEO_CPU_KERNELS

/// A d, the transpose of what makes a result of its products.
CAMEO_INLINE void transformGradient(const Vector (&d)[kOut], Vector (&t)[kIn]) {
  const Vector even = d[0] + d[2], odd = d[1] + d[3], a = d[0] + 4 * d[2], b = 2 * d[1] + 8 * d[3];
  t[0] = d[0];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = a + b;
  t[4] = a - b;
  t[5] = d[3];
}

/// A g A^T of some tiles: the result's gradient g (N, H, W, K) -> m (36, tiles, K).
CAMEO_FOR_EACH_CPU void gradientTiles(const float* g, const Tiling& tiling, int64_t channels, Range tiles,
                                      const Planes& planes, float* m) {
  for (int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    const Place place(tiling, tile);
    const int64_t height = std::min(kOut, tiling.height - place.y),
                  width = std::min(kOut, tiling.width - place.x);
    const float* from = g + ((place.image * tiling.height + place.y) * tiling.width + place.x) * channels;
    float* out = m + (tile - tiles.first) * planes.row;
    for (int64_t c = 0; c < channels; c += kLanes) {
      Vector rows[kOut][kIn];
      for (int64_t i = 0; i < kOut; ++i) {
        Vector d[kOut]{};
        for (int64_t j = 0; i < height && j < width; ++j)
          d[j] = load(from + (i * tiling.width + j) * channels + c);
        transformGradient(d, rows[i]);
      }
      for (int64_t j = 0; j < kIn; ++j) {
        const Vector d[kOut] = {rows[0][j], rows[1][j], rows[2][j], rows[3][j]};
        Vector t[kIn];
        transformGradient(d, t);
        for (int64_t i = 0; i < kIn; ++i) store(out + (i * kIn + j) * planes.plane + c, t[i]);
      }
    }
  }
}

/// G^T u.
CAMEO_INLINE void transformBack(const Vector (&u)[kIn], Vector (&t)[3]) {
  const Vector a = u[1] + u[2], b = u[2] - u[1], c = u[3] + u[4], d = u[3] - u[4];
  t[0] = u[0] * (1 / 4.f) - a * (1 / 6.f) + c * (1 / 24.f);
  t[1] = b * (1 / 6.f) + d * (1 / 12.f);
  t[2] = (c - a) * (1 / 6.f) + u[5];
}

/// The kernel's gradient (out, in, 3, 3), G^T u G for the inputs `first` to `last`, of the sum over `parts`
/// of u (parts, 36, in, out).
CAMEO_FOR_EACH_CPU void kernelGradients(const float* u, int64_t parts, int64_t in, int64_t out, int64_t first,
                                        int64_t last, float* w) {
  const int64_t plane = in * out;
  for (int64_t c = first; c < last; ++c) {
    for (int64_t k = 0; k < out; k += kLanes) {
      Vector columns[3][kIn];
      for (int64_t j = 0; j < kIn; ++j) {
        Vector d[kIn]{}, t[3];
        for (int64_t part = 0; part < parts; ++part) {
          for (int64_t i = 0; i < kIn; ++i)
            d[i] += load(u + (part * kPlanes + i * kIn + j) * plane + c * out + k);
        }
        transformBack(d, t);
        for (int64_t i = 0; i < 3; ++i) columns[i][j] = t[i];
      }
      for (int64_t i = 0; i < 3; ++i) {
        Vector t[3];
        transformBack(columns[i], t);
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          for (int64_t j = 0; j < 3; ++j) w[(((k + lane) * in + c) * 3 + i) * 3 + j] = t[j][lane];
        }
      }
    }
  }
}

#endif

}  // namespace

at::Tensor winogradKernelGradient(const at::Tensor& x, const at::Tensor& grad) {
  const Tiling tiling(x);
  const int64_t tiles = x.size(0) * tiling.perImage(), in = x.size(1), out = grad.size(1);
  at::Tensor result = at::empty({out, in, 3, 3}, x.options());
#if CAMEO_CPU_KERNELS
  const int64_t blocks = (tiles + kMaxTiles - 1) / kMaxTiles;
  const int64_t parts = std::min<int64_t>(blocks, at::get_num_threads());
  const int64_t sum = kPlanes * in * out;
  const at::Tensor sums = at::empty({parts * sum}, x.options());
  float* const all = sums.mutable_data_ptr<float>();
  const float *from = x.const_data_ptr<float>(), *g = grad.const_data_ptr<float>();
  const Planes of_v = Planes::of(kMaxTiles, in), of_m = Planes::of(kMaxTiles, out);
  const ThreadScratch scratch(of_v.numbers() + of_m.numbers() + in * kMaxTiles);
  // Each part has blocks of its own, and is added in its turn: the result does not depend on which thread was
  // first.
  forEachPiece(parts, 1, [&](int64_t begin, int64_t end) {
    float *const v = scratch.mine(), *const m = v + of_v.numbers(), *const turned = m + of_m.numbers();
    for (int64_t part = begin; part < end; ++part) {
      float* u = all + part * sum;
      const int64_t first_block = part * blocks / parts, last_block = (part + 1) * blocks / parts;
      for (int64_t block = first_block; block < last_block; ++block) {
        const Range rows{block * kMaxTiles, std::min((block + 1) * kMaxTiles, tiles)};
        inputTiles(from, tiling, in, {0, in}, rows, of_v, v);
        gradientTiles(g, tiling, out, rows, of_m, m);
        for (int64_t plane = 0; plane < kPlanes; ++plane) {
          turn({v + plane * of_v.plane, of_v.row}, rows.count(), in, turned, kMaxTiles);
          multiply(in, out, rows.count(), {turned, kMaxTiles}, {m + plane * of_m.plane, of_m.row},
                   u + plane * in * out, out, /*adds=*/block > first_block);
        }
      }
    }
  });
  forEachPiece(in, 8, [&](int64_t begin, int64_t end) {
    kernelGradients(all, parts, in, out, begin, end, result.mutable_data_ptr<float>());
  });
#endif
  return result;
}

}  // namespace cameo::cpu
