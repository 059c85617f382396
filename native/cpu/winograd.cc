#include "cpu/winograd.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cpu/matrix.h"
#include "cpu/pieces.h"
#include "cpu/vector.h"
#include "cpu/winograd_kernel.h"
#include "cpu/winograd_tiles.h"

namespace cameo::cpu {

namespace {

constexpr int64_t kMinTiles = 32, kMaxTiles = 192;  // rows of a matrix product
constexpr int64_t kColumns = 64, kMaxDepth = 640;
// Of which transformed kernels and sums stay in a core's cache.
constexpr int64_t kFewInputs = 128, kFewOutputs = 32;

#if CAMEO_CPU_KERNELS

/// How many tiles a thread takes at a time, how many times, and how many of the input's channels at a time:
/// as many tiles as the last cache holds of transformed input and products, and the same for all threads.
struct Blocks {
  int64_t tiles, count, depth;

  Blocks(int64_t all, const KernelView& w) {
    const int64_t parts = (w.in + kMaxDepth - 1) / kMaxDepth;
    depth = (w.in / kLanes + parts - 1) / parts * kLanes;
    const int64_t bytes = kPlanes * (depth + w.out) * static_cast<int64_t>(sizeof(float));
    const int64_t most = std::clamp(cacheShare() / bytes, kMinTiles, kMaxTiles);
    tiles = equalShare(all, most);
    count = (all + tiles - 1) / tiles;
  }
};

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

CAMEO_FOR_EACH_CPU void inputTiles(const float* x, const Tiling& tiling, int64_t all, Range channels,
                                   Range tiles, const Planes& planes, float* v) {
  for (int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    const Place place(tiling, tile);
    const float* at[kIn][kIn];  // null outside the image
    for (int64_t i = 0; i < kIn; ++i) {
      for (int64_t j = 0; j < kIn; ++j) {
        const int64_t row = place.y + i - 1, column = place.x + j - 1;
        const bool inside = row >= 0 && row < tiling.height && column >= 0 && column < tiling.width;
        at[i][j] =
            inside ? x + ((place.image * tiling.height + row) * tiling.width + column) * all + channels.first
                   : nullptr;
      }
    }
    float* out = v + (tile - tiles.first) * planes.row;
    for (int64_t c = 0; c < channels.count(); c += kLanes) {
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
          store(out + (i * kIn + j) * planes.plane + c, t[i]);
        }
      }
    }
  }
}

namespace {

/// y = A^T m A + bias of some tiles and some of the result's `all` channels: m (36, tiles, channels) ->
/// y (N, H, W, all).
CAMEO_FOR_EACH_CPU void outputTiles(const float* m, const Planes& planes, const float* bias,
                                    const Tiling& tiling, int64_t all, Range channels, Range tiles,
                                    float* y) {
  for (int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    const Place place(tiling, tile);
    const float* in = m + (tile - tiles.first) * planes.row;
    const int64_t height = std::min(kOut, tiling.height - place.y),
                  width = std::min(kOut, tiling.width - place.x);
    for (int64_t k = 0; k < channels.count(); k += kLanes) {
      Vector rows[kOut][kIn];
      for (int64_t j = 0; j < kIn; ++j) {
        Vector d[kIn], t[kOut];
        for (int64_t i = 0; i < kIn; ++i) {
          d[i] = load(in + (i * kIn + j) * planes.plane + k);
        }
        transformOutput(d, t);
        for (int64_t i = 0; i < kOut; ++i) rows[i][j] = t[i];
      }
      const Vector shift = bias ? load(bias + channels.first + k) : Vector{};
      for (int64_t i = 0; i < height; ++i) {
        Vector t[kOut];
        transformOutput(rows[i], t);
        float* out = y + ((place.image * tiling.height + place.y + i) * tiling.width + place.x) * all +
                     channels.first + k;
        for (int64_t j = 0; j < width; ++j) storePast(out + j * all, t[j] + shift);
      }
    }
  }
  finishStores();
}

/// One convolution, as its parts need it: an image of the result sums over taps, of which the i-th sees the
/// i-th image after its own.
struct Convolution {
  const float *x, *bias;
  float* y;
  Tiling tiling;
  std::vector<KernelView> taps;

  const KernelView& kernel() const { return taps.front(); }
  /// The tiles that a tap sees where the result has `tiles`.
  Range seen(size_t tap, Range tiles) const {
    const int64_t later = static_cast<int64_t>(tap) * tiling.perImage();
    return {tiles.first + later, tiles.last + later};
  }
};

/// Where in a transformed kernel the part of the outputs from `channel` on begins, in numbers.
int64_t partOfKernel(int64_t in, int64_t channel) {
  return channel / kColumns * Planes::of(in, kColumns).numbers();
}

/// Each thread takes blocks of tiles through all steps, some of the input's channels at a time. A plane's
/// products for all of the result's channels follow one another, so that the kernels, transformed before, are
/// read once for a block.
void convolveByTiles(const Convolution& job, const std::vector<at::Tensor>& kernels, int64_t tiles,
                     const Blocks& blocks) {
  const int64_t in = job.kernel().in, out = job.kernel().out;
  const Planes of_v = Planes::of(blocks.tiles, blocks.depth), of_m = Planes::of(blocks.tiles, out);
  const ThreadScratch scratch(of_v.numbers() + of_m.numbers());
  forEachPiece(blocks.count, 1, [&](int64_t begin, int64_t end) {
    float *const v = scratch.mine(), *const m = v + of_v.numbers();
    const auto addProducts = [&](const float* kernel, int64_t rows, Range inputs, bool adds) {
      for (int64_t plane = 0; plane < kPlanes; ++plane) {
        for (int64_t channel = 0; channel < out; channel += kColumns) {
          const int64_t columns = std::min(kColumns, out - channel);
          const Planes of_u = Planes::of(in, columns);
          const float* u = kernel + partOfKernel(in, channel) + plane * of_u.plane + inputs.first * of_u.row;
          multiply(rows, columns, inputs.count(), {v + plane * of_v.plane, of_v.row}, {u, of_u.row},
                   m + plane * of_m.plane + channel, of_m.row, adds);
        }
      }
    };
    for (int64_t i = begin; i < end; ++i) {
      const Range block{i * blocks.tiles, std::min((i + 1) * blocks.tiles, tiles)};
      for (size_t tap = 0; tap < kernels.size(); ++tap) {
        for (int64_t depth = 0; depth < in; depth += blocks.depth) {
          const Range inputs{depth, std::min(depth + blocks.depth, in)};
          inputTiles(job.x, job.tiling, in, inputs, job.seen(tap, block), of_v, v);
          addProducts(kernels[tap].const_data_ptr<float>(), block.count(), inputs, tap > 0 || depth > 0);
        }
      }
      outputTiles(m, of_m, job.bias, job.tiling, out, {0, out}, block, job.y);
    }
  });
}

/// For images that have few tiles for the kernel's size: threads share the channels of the result, and
/// transform as much of the kernel at a time as stays in their cache. Transformed as a whole it would go to
/// memory and come back.
void convolveByChannels(const Convolution& job, int64_t tiles) {
  const int64_t in = job.kernel().in, out = job.kernel().out;
  const int64_t seen = job.seen(job.taps.size() - 1, {0, tiles}).last;
  const int64_t most = std::clamp(out / kLanes / at::get_num_threads() * kLanes, kLanes, kFewOutputs);
  const Planes of_v = Planes::of(seen, in), of_m = Planes::of(tiles, most);
  const at::Tensor v = at::empty({of_v.numbers()}, at::kFloat);
  float* const all = v.mutable_data_ptr<float>();
  forEachPiece(seen, pieceOf(seen, 1), [&](int64_t begin, int64_t end) {
    inputTiles(job.x, job.tiling, in, {0, in}, {begin, end}, of_v, all + begin * in);
  });
  const ThreadScratch scratch(of_m.numbers() + Planes::of(kFewInputs, most).numbers());
  forEachPiece((out + most - 1) / most, 1, [&](int64_t begin, int64_t end) {
    float *const m = scratch.mine(), *const u = m + of_m.numbers();
    const auto addProducts = [&](size_t tap, Range inputs, Range outputs) {
      const Planes of_u = Planes::of(kFewInputs, outputs.count());
      kernelPlanes(job.taps[tap], inputs, outputs, of_u, u);
      const float* from = all + job.seen(tap, {0, tiles}).first * in + inputs.first;
      for (int64_t plane = 0; plane < kPlanes; ++plane) {
        multiply(tiles, outputs.count(), inputs.count(), {from + plane * of_v.plane, in},
                 {u + plane * of_u.plane, of_u.row}, m + plane * of_m.plane, of_m.row,
                 /*adds=*/tap > 0 || inputs.first > 0);
      }
    };
    for (int64_t channel = begin * most; channel < std::min(end * most, out); channel += most) {
      const Range outputs{channel, std::min(channel + most, out)};
      for (size_t tap = 0; tap < job.taps.size(); ++tap) {
        for (int64_t first = 0; first < in; first += kFewInputs) {
          addProducts(tap, {first, std::min(first + kFewInputs, in)}, outputs);
        }
      }
      outputTiles(m, of_m, job.bias, job.tiling, out, outputs, {0, tiles}, job.y);
    }
  });
}

/// For each `kColumns` of the outputs, one after another, (36, in, columns).
at::Tensor transformedKernel(const KernelView& w, const at::TensorOptions& options) {
  at::Tensor kernel = at::empty({partOfKernel(w.in, w.out + kColumns - 1)}, options);
  float* const parts = kernel.mutable_data_ptr<float>();
  forEachPiece(w.in / kLanes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t channel = 0; channel < w.out; channel += kColumns) {
      const Range outputs{channel, std::min(channel + kColumns, w.out)};
      const Planes planes = Planes::of(w.in, outputs.count());
      kernelPlanes(w, {begin * kLanes, end * kLanes}, outputs, planes,
                   parts + partOfKernel(w.in, channel) + begin * kLanes * planes.row);
    }
  });
  return kernel;
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

bool winogradGradientPays(const at::Tensor& x, const at::Tensor& weight) {
  return winogradTiles(x) >= 48 && weight.numel() <= 512 * 1024;
}

namespace {

/// y (T, out, H, W) of x (T + taps - 1, in, H, W).
at::Tensor convolution(const at::Tensor& x, std::vector<KernelView> taps, const at::Tensor& bias) {
  const Tiling tiling(x);
  const KernelView w = taps.front();
  const int64_t images = x.size(0) - static_cast<int64_t>(taps.size()) + 1;
  at::Tensor y =
      at::empty({images, w.out, tiling.height, tiling.width}, x.options(), at::MemoryFormat::ChannelsLast);
#if CAMEO_CPU_KERNELS
  const Convolution job{.x = x.const_data_ptr<float>(),
                        .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                        .y = y.mutable_data_ptr<float>(),
                        .tiling = tiling,
                        .taps = std::move(taps)};
  const int64_t tiles = images * tiling.perImage();
  // The larger of the two, the transformed input and the transformed kernel, is the one that should not go to
  // memory.
  if (2 * tiles <= w.out || tiles < kMinTiles * at::get_num_threads()) {
    convolveByChannels(job, tiles);
  } else {
    std::vector<at::Tensor> kernels;
    for (const KernelView& tap : job.taps) kernels.push_back(transformedKernel(tap, x.options()));
    convolveByTiles(job, kernels, tiles, Blocks(tiles, w));
  }
#endif
  return y;
}

}  // namespace

at::Tensor winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool turned) {
  return convolution(x, {KernelView(weight, turned)}, bias);
}

at::Tensor winogradOverTime(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  std::vector<KernelView> taps;
  for (int64_t i = 0; i < weight.size(2); ++i) taps.emplace_back(weight.select(2, i));
  return convolution(x, std::move(taps), bias);
}

}  // namespace cameo::cpu
