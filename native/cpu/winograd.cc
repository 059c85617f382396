#include "cpu/winograd.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "cpu/matrix.h"
#include "cpu/vector.h"
#include "cpu/winograd_kernel.h"
#include "cpu/winograd_tiles.h"

namespace cameo::cpu {

namespace {

constexpr int64_t kScratch = 1 << 20;  // bytes of transformed input that stay in a core's cache
constexpr int64_t kMinTiles = 32;      // rows of a matrix product
constexpr int64_t kMaxColumns = 64, kMaxDepth = 640;
constexpr int64_t kFewInputs =
    64;  // whose transformed kernel, with `kMaxColumns` outputs, stays in a core's cache

#if CAMEO_CPU_KERNELS

/// B^T d.
CAMEO_INLINE void transformInput(const Vector (&d)[kIn], Vector (&t)[kIn]) {
  const Vector a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
  t[0] = 4 * d[0] - 5 * d[2] + d[4];
  t[1] = a + b;
  t[2] = a - b;
  t[3] = c + e;
  t[4] = c - e;
  t[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/// A^T m.
CAMEO_INLINE void transformOutput(const Vector (&m)[kIn], Vector (&t)[kOut]) {
  const Vector a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
  t[0] = m[0] + a + c;
  t[1] = b + 2 * e;
  t[2] = a + 4 * c;
  t[3] = b + 8 * e + m[5];
}

}  // namespace

CAMEO_FOR_EACH_CPU void inputTiles(const float* x, const Tiling& tiling, int64_t channels, int64_t first,
                                   int64_t last, int64_t stride, float* v) {
  for (int64_t tile = first; tile < last; ++tile) {
    const Place place(tiling, tile);
    const float* at[kIn][kIn];  // null outside the image
    for (int64_t i = 0; i < kIn; ++i) {
      for (int64_t j = 0; j < kIn; ++j) {
        const int64_t row = place.y + i - 1, column = place.x + j - 1;
        const bool inside = row >= 0 && row < tiling.height && column >= 0 && column < tiling.width;
        at[i][j] =
            inside ? x + ((place.image * tiling.height + row) * tiling.width + column) * channels : nullptr;
      }
    }
    float* out = v + (tile - first) * channels;
    for (int64_t c = 0; c < channels; c += kLanes) {
      Vector rows[kIn][kIn];
      for (int64_t i = 0; i < kIn; ++i) {
        Vector d[kIn];
        for (int64_t j = 0; j < kIn; ++j) {
          d[j] = at[i][j] ? load(at[i][j] + c) : Vector{};
        }
        transformInput(d, rows[i]);
      }
      for (int64_t j = 0; j < kIn; ++j) {
        const Vector d[kIn] = {rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]};
        Vector t[kIn];
        transformInput(d, t);
        for (int64_t i = 0; i < kIn; ++i) {
          store(out + (i * kIn + j) * stride * channels + c, t[i]);
        }
      }
    }
  }
}

namespace {

/// y = A^T m A + bias of tiles `first` to `last`, for `columns` of the result's channels from `channel` on:
/// m (36, last - first, columns) -> y (N, H, W, K).
CAMEO_FOR_EACH_CPU void outputTiles(const float* m, const float* bias, const Tiling& tiling, int64_t first,
                                    int64_t last, int64_t channel, int64_t columns, int64_t channels,
                                    float* y) {
  const int64_t plane = (last - first) * columns;
  for (int64_t tile = first; tile < last; ++tile) {
    const Place place(tiling, tile);
    const float* in = m + (tile - first) * columns;
    const int64_t height = std::min(kOut, tiling.height - place.y),
                  width = std::min(kOut, tiling.width - place.x);
    for (int64_t k = 0; k < columns; k += kLanes) {
      Vector rows[kOut][kIn];
      for (int64_t j = 0; j < kIn; ++j) {
        Vector d[kIn], t[kOut];
        for (int64_t i = 0; i < kIn; ++i) {
          d[i] = load(in + (i * kIn + j) * plane + k);
        }
        transformOutput(d, t);
        for (int64_t i = 0; i < kOut; ++i) rows[i][j] = t[i];
      }
      const Vector shift = bias ? load(bias + channel + k) : Vector{};
      for (int64_t i = 0; i < height; ++i) {
        Vector t[kOut];
        transformOutput(rows[i], t);
        float* out = y + (((place.image * tiling.height + place.y + i) * tiling.width + place.x) * channels) +
                     channel + k;
        for (int64_t j = 0; j < width; ++j) store(out + j * channels, t[j] + shift);
      }
    }
  }
}

/// One convolution, as its parts need it.
struct Convolution {
  const float *x, *bias;
  float* y;
  Tiling tiling;
  KernelView w;
};

/// m (36, rows, columns) (+)= v (36, rows, depth) u (36, depth, columns), the planes of v and u as far apart
/// as said and their rows `v_row` and `u_row` numbers.
struct Products {
  int64_t rows, columns;
  int64_t v_plane, v_row, u_plane, u_row;

  void add(const float* v, const float* u, int64_t depth, bool adds, float* m) const {
    for (int64_t plane = 0; plane < kPlanes; ++plane) {
      multiply(rows, columns, depth, {v + plane * v_plane, v_row}, {u + plane * u_plane, u_row},
               m + plane * rows * columns, columns, adds);
    }
  }
};

/// Each thread takes tiles of its own through all steps, so that what is between stays in its cache; the
/// kernel, (36, in, out), is transformed before.
void convolveByTiles(const Convolution& job, const float* kernel, int64_t tiles, int64_t block) {
  const int64_t in = job.w.in, out = job.w.out;
  at::parallel_for(0, (tiles + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
    const Scratch v = makeScratch(kPlanes * block * in);
    const Scratch m = makeScratch(kPlanes * block * kMaxColumns);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * block, last = std::min(first + block, tiles);
      inputTiles(job.x, job.tiling, in, first, last, block, v.get());
      for (int64_t channel = 0; channel < out; channel += kMaxColumns) {
        const int64_t columns = std::min(kMaxColumns, out - channel);
        const Products products{last - first, columns, block * in, in, in * out, out};
        for (int64_t depth = 0; depth < in; depth += kMaxDepth) {
          products.add(v.get() + depth, kernel + depth * out + channel, std::min(kMaxDepth, in - depth),
                       /*adds=*/depth > 0, m.get());
        }
        outputTiles(m.get(), job.bias, job.tiling, first, last, channel, columns, out, job.y);
      }
    }
  });
}

/// For images that have few tiles for the kernel's size: threads share the channels of the result, and
/// transform as much of the kernel at a time as stays in their cache. Transformed as a whole it would go to
/// memory and come back.
void convolveByChannels(const Convolution& job, int64_t tiles) {
  const int64_t in = job.w.in, out = job.w.out;
  const at::Tensor v = at::empty({kPlanes, tiles, in});
  float* const all = v.mutable_data_ptr<float>();
  at::parallel_for(0, tiles, 1, [&](int64_t begin, int64_t end) {
    inputTiles(job.x, job.tiling, in, begin, end, tiles, all + begin * in);
  });
  const int64_t most = std::clamp(out / kLanes / at::get_num_threads() * kLanes, kLanes, kMaxColumns);
  at::parallel_for(0, (out + most - 1) / most, 1, [&](int64_t begin, int64_t end) {
    const Scratch m = makeScratch(kPlanes * tiles * most);
    const Scratch u = makeScratch(kPlanes * kFewInputs * most);
    for (int64_t channel = begin * most; channel < std::min(end * most, out); channel += most) {
      const int64_t columns = std::min(most, out - channel), plane = kFewInputs * columns;
      const Products products{tiles, columns, tiles * in, in, plane, columns};
      for (int64_t first = 0; first < in; first += kFewInputs) {
        const Channels inputs{first, std::min(first + kFewInputs, in)};
        kernelPlanes(job.w, inputs, {channel, channel + columns}, plane, columns, u.get());
        products.add(all + first, u.get(), inputs.count(), /*adds=*/first > 0, m.get());
      }
      outputTiles(m.get(), job.bias, job.tiling, 0, tiles, channel, columns, out, job.y);
    }
  });
}

/// (36, in, out).
at::Tensor transformedKernel(const KernelView& w, const at::TensorOptions& options) {
  at::Tensor u = at::empty({kPlanes, w.in, w.out}, options);
  at::parallel_for(0, w.in / kLanes, 1, [&](int64_t begin, int64_t end) {
    kernelPlanes(w, {begin * kLanes, end * kLanes}, {0, w.out}, w.in * w.out, w.out,
                 u.mutable_data_ptr<float>() + begin * kLanes * w.out);
  });
  return u;
}

#endif

}  // namespace

bool winogradTakes(const at::Tensor& x, const at::Tensor& weight) {
#if CAMEO_CPU_KERNELS
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 4 && x.numel() > 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && weight.size(2) == 3 && weight.size(3) == 3 &&
         weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0 && hasMatrixKernel();
#else
  return false;
#endif
}

int64_t winogradTiles(const at::Tensor& x) {
  return x.size(0) * Tiling(x).perImage();
}

at::Tensor winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool turned) {
  const Tiling tiling(x);
  const int64_t out = weight.size(turned ? 1 : 0);
  at::Tensor y =
      at::empty({x.size(0), out, tiling.height, tiling.width}, x.options(), at::MemoryFormat::ChannelsLast);
#if CAMEO_CPU_KERNELS
  const Convolution job{.x = x.const_data_ptr<float>(),
                        .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                        .y = y.mutable_data_ptr<float>(),
                        .tiling = tiling,
                        .w = KernelView(weight, turned)};
  const int64_t tiles = winogradTiles(x);
  const int64_t block =
      std::clamp(kScratch / static_cast<int64_t>(kPlanes * job.w.in * sizeof(float)), kMinTiles, kMaxTiles);
  // The larger of the two, the transformed input and the transformed kernel, is the one that should not go to
  // memory.
  if (2 * tiles <= out || tiles < block * at::get_num_threads()) {
    convolveByChannels(job, tiles);
  } else {
    const at::Tensor kernel = transformedKernel(job.w, weight.options());
    convolveByTiles(job, kernel.const_data_ptr<float>(), tiles, block);
  }
#endif
  return y;
}

}  // namespace cameo::cpu
