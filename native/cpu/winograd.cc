#include "cpu/winograd.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "cpu/matrix.h"
#include "cpu/vector.h"
#include "cpu/winograd_tiles.h"

namespace cameo::cpu {

namespace {

constexpr int64_t kScratch = 1 << 20;  // bytes of transformed input that stay in a core's cache
constexpr int64_t kMinTiles = 32;      // rows of a matrix product
constexpr int64_t kMaxColumns = 64, kMaxDepth = 640;

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

/// A kernel (out, in, 3, 3) where it is, by its strides.
struct KernelView {
  const float* values;
  int64_t of_out, of_in, of_row, of_column;

  /// By 180 degrees.
  KernelView turned() const {
    return {values + 2 * of_row + 2 * of_column, of_out, of_in, -of_row, -of_column};
  }
};

/// U = G w G^T of `kLanes` outputs from `from` on; u is their place in the first plane, of `plane` numbers.
CAMEO_INLINE void kernelTile(const KernelView& w, const float* from, int64_t plane, float* u) {
  Vector columns[3][kIn];  // G w, column by column
  for (int64_t j = 0; j < 3; ++j) {
    Vector d[3];
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        d[i][lane] = from[i * w.of_row + j * w.of_column + lane * w.of_out];
      }
    }
    transformKernel(d, columns[j]);
  }
  for (int64_t i = 0; i < kIn; ++i) {
    const Vector row[3] = {columns[0][i], columns[1][i], columns[2][i]};
    Vector t[kIn];
    transformKernel(row, t);
    for (int64_t j = 0; j < kIn; ++j) store(u + (i * kIn + j) * plane, t[j]);
  }
}

/// U (36, in, out) for the inputs `first` to `last`, a few at a time: what is read lies far apart from output
/// to output.
CAMEO_FOR_EACH_CPU void kernelPlanes(const KernelView& w, int64_t in, int64_t out, int64_t first,
                                     int64_t last, float* u) {
  for (int64_t block = first; block < last; block += kLanes) {
    for (int64_t k = 0; k < out; k += kLanes) {
      for (int64_t c = block; c < std::min(block + kLanes, last); ++c) {
        kernelTile(w, w.values + c * w.of_in + k * w.of_out, in * out, u + c * out + k);
      }
    }
  }
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
  const float *x, *kernel, *bias;
  float* y;
  Tiling tiling;
  int64_t in, out;

  /// m (36, rows, columns) of v (36, stride, in) and `columns` of the kernel's from `channel` on.
  void multiply(const float* v, int64_t stride, int64_t rows, int64_t channel, int64_t columns,
                float* m) const {
    for (int64_t plane = 0; plane < kPlanes; ++plane) {
      const float* a = v + plane * stride * in;
      const float* b = kernel + plane * in * out + channel;
      for (int64_t depth = 0; depth < in; depth += kMaxDepth) {
        cpu::multiply(rows, columns, std::min(kMaxDepth, in - depth), {a + depth, in}, {b + depth * out, out},
                      m + plane * rows * columns, columns, /*adds=*/depth > 0);
      }
    }
  }

  /// The result's channels from `first` to `last`, of the tiles whose transformed input is v (36, stride,
  /// in).
  void finish(const float* v, int64_t stride, int64_t tile, int64_t tiles, int64_t first, int64_t last,
              const Scratch& scratch) const {
    for (int64_t channel = first; channel < last; channel += kMaxColumns) {
      const int64_t columns = std::min(kMaxColumns, last - channel);
      multiply(v, stride, tiles, channel, columns, scratch.get());
      outputTiles(scratch.get(), bias, tiling, tile, tile + tiles, channel, columns, out, y);
    }
  }
};

/// Each thread takes tiles of its own through all steps, so that what is between stays in its cache.
void convolveByTiles(const Convolution& job, int64_t tiles, int64_t block) {
  at::parallel_for(0, (tiles + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
    const Scratch v = makeScratch(kPlanes * block * job.in);
    const Scratch scratch = makeScratch(kPlanes * block * kMaxColumns);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * block, last = std::min(first + block, tiles);
      inputTiles(job.x, job.tiling, job.in, first, last, block, v.get());
      job.finish(v.get(), block, first, last - first, 0, job.out, scratch);
    }
  });
}

/// For images that have too few tiles for all threads: threads share the channels of the result.
void convolveByChannels(const Convolution& job, int64_t tiles) {
  const Scratch v = makeScratch(kPlanes * tiles * job.in);
  at::parallel_for(0, tiles, 1, [&](int64_t begin, int64_t end) {
    inputTiles(job.x, job.tiling, job.in, begin, end, tiles, v.get() + begin * job.in);
  });
  at::parallel_for(0, job.out / kLanes, kMaxColumns / kLanes, [&](int64_t begin, int64_t end) {
    const Scratch scratch = makeScratch(kPlanes * tiles * kMaxColumns);
    job.finish(v.get(), tiles, 0, tiles, begin * kLanes, end * kLanes, scratch);
  });
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

at::Tensor winogradKernel(const at::Tensor& weight, bool turned) {
  const int64_t in = weight.size(turned ? 0 : 1), out = weight.size(turned ? 1 : 0);
  at::Tensor u = at::empty({kPlanes, in, out}, weight.options());
#if CAMEO_CPU_KERNELS
  KernelView view{.values = weight.const_data_ptr<float>(),
                  .of_out = weight.stride(turned ? 1 : 0),
                  .of_in = weight.stride(turned ? 0 : 1),
                  .of_row = weight.stride(2),
                  .of_column = weight.stride(3)};
  if (turned) view = view.turned();
  at::parallel_for(0, in, 16, [&](int64_t begin, int64_t end) {
    kernelPlanes(view, in, out, begin, end, u.mutable_data_ptr<float>());
  });
#endif
  return u;
}

at::Tensor winograd(const at::Tensor& x, const at::Tensor& kernel, const at::Tensor& bias) {
  const Tiling tiling(x);
  const int64_t tiles = x.size(0) * tiling.perImage(), in = x.size(1), out = kernel.size(2);
  at::Tensor y =
      at::empty({x.size(0), out, tiling.height, tiling.width}, x.options(), at::MemoryFormat::ChannelsLast);
#if CAMEO_CPU_KERNELS
  const Convolution job{.x = x.const_data_ptr<float>(),
                        .kernel = kernel.const_data_ptr<float>(),
                        .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                        .y = y.mutable_data_ptr<float>(),
                        .tiling = tiling,
                        .in = in,
                        .out = out};
  const int64_t block =
      std::clamp(kScratch / static_cast<int64_t>(kPlanes * in * sizeof(float)), kMinTiles, kMaxTiles);
  if (tiles >= block * at::get_num_threads()) {
    convolveByTiles(job, tiles, block);
  } else {
    convolveByChannels(job, tiles);
  }
#endif
  return y;
}

}  // namespace cameo::cpu
