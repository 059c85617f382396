#include "cpu/split_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/device.h"
#include "cpu/matrix.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kColumns = 64;    // of a product
constexpr int64_t kMaxDepth = 640;  // of what is summed over
constexpr int64_t kMinRows = 64, kMaxRows = 256;
constexpr int64_t kRowsBytes = 1 << 20;  // of x's parts, which stay in a core's cache
constexpr int64_t kTile = 32;            // numbers that the matrix unit sums over at a time
constexpr int64_t kLeastRows = 256;      // of x, for which splitting the weight pays
constexpr int64_t kParts = 2;

/// Which part of x is multiplied with which of the weight; the smallest products first.
constexpr std::pair<int64_t, int64_t> kProducts[] = {{1, 0}, {0, 1}, {0, 0}};

using Number = c10::BFloat16;
constexpr int64_t kBytes = sizeof(Number);

/// What is computed; a thread takes so many `rows` at a time.
struct Product {
  const float *x, *w, *bias;
  float* y;
  int64_t all_rows, in, out;
  int64_t x_row, w_out, w_in;  // how far apart
  int64_t rows, blocks;

  Product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& y)
      : x(x.const_data_ptr<float>()),
        w(weight.const_data_ptr<float>()),
        bias(bias.defined() ? bias.const_data_ptr<float>() : nullptr),
        y(y.mutable_data_ptr<float>()),
        all_rows(x.size(0)),
        in(x.size(1)),
        out(weight.size(0)),
        x_row(x.stride(0)),
        w_out(weight.stride(0)),
        w_in(weight.stride(1)) {
    const int64_t most = std::clamp(kRowsBytes / (kParts * in * kBytes), kMinRows, kMaxRows);
    const int64_t threads = at::get_num_threads(),
                  rounds = (all_rows + most * threads - 1) / (most * threads);
    rows = (all_rows + rounds * threads - 1) / (rounds * threads);
    blocks = (all_rows + rows - 1) / rows;
  }

  /// Numbers of the weight's parts for so many columns of the result.
  int64_t packed(int64_t columns) const { return kParts * in * columns; }
};

/// x rounded to bf16; x becomes what is left of it.
CAMEO_INLINE Vector splitOff(Vector& x) {
  const Vector rounded = reinterpret_cast<Vector>(roundToHalves(x));
  x -= rounded;
  return rounded;
}

/// Rows of x (rows, depth) -> their parts (kParts, rows, depth).
CAMEO_FOR_EACH_CPU void splitRows(const float* x, int64_t x_row, int64_t rows, int64_t depth, Number* parts) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < depth; i += kLanes) {
      Vector rest = load(x + row * x_row + i);
      for (int64_t part = 0; part < kParts; ++part) {
        store(parts + (part * rows + row) * depth + i, splitOff(rest));
      }
    }
  }
}

/// (depth, columns) of W^T -> its parts (kParts, depth / 2, columns, 2), as the matrix unit reads them.
CAMEO_FOR_EACH_CPU void splitPairs(const float* w, int64_t depth, int64_t columns, int64_t of_part,
                                   Number* parts) {
  for (int64_t i = 0; i < depth; i += 2) {
    for (int64_t k = 0; k < columns; k += kLanes) {
      Vector even = load(w + i * columns + k), odd = load(w + (i + 1) * columns + k);
      for (int64_t part = 0; part < kParts; ++part) {
        const Bits low = reinterpret_cast<Bits>(splitOff(even)) >> 16;
        const Bits high = reinterpret_cast<Bits>(splitOff(odd));
        *reinterpret_cast<Bits*>(parts + part * of_part + i * columns + 2 * k) = low | high;
      }
    }
  }
}

CAMEO_FOR_EACH_CPU void addBias(const float* sums, const float* bias, int64_t rows, int64_t columns, float* y,
                                int64_t y_row) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < columns; k += kLanes) {
      const Vector shift = bias ? load(bias + k) : Vector{};
      store(y + row * y_row + k, load(sums + row * columns + k) + shift);
    }
  }
}

/// The weight's parts for the `columns` of the result from `first` on, for `kColumns` at a time (kParts, in /
/// 2, columns, 2).
void packWeight(const Product& job, int64_t first, int64_t columns, Number* packed) {
  const ThreadScratch scratch(kTile * kColumns);
  const int64_t pieces = job.in / kTile;
  at::parallel_for(0, (columns + kColumns - 1) / kColumns * pieces, 4, [&](int64_t begin, int64_t end) {
    float* const piece = scratch.mine();
    for (int64_t i = begin; i < end; ++i) {
      const int64_t column = first + i / pieces * kColumns, input = i % pieces * kTile;
      const int64_t count = std::min(kColumns, first + columns - column);
      const float* from = job.w + column * job.w_out + input * job.w_in;
      if (job.w_in == 1) {
        turn({from, job.w_out}, count, kTile, piece, count);
      } else {
        for (int64_t row = 0; row < kTile; ++row)
          std::copy_n(from + row * job.w_in, count, piece + row * count);
      }
      splitPairs(piece, kTile, count, job.in * count, packed + job.packed(column - first) + input * count);
    }
  });
}

void multiplyBlock(const Product& job, int64_t row, int64_t first, int64_t columns, const Number* packed,
                   Number* parts, float* sums) {
  const int64_t rows = std::min(job.rows, job.all_rows - row);
  splitRows(job.x + row * job.x_row, job.x_row, rows, job.in, parts);
  for (int64_t column = 0; column < columns; column += kColumns) {
    const int64_t count = std::min(kColumns, columns - column);
    const Number* weight = packed + job.packed(column);
    bool adds = false;
    for (int64_t depth = 0; depth < job.in; depth += kMaxDepth) {
      for (const auto& [of_x, of_weight] : kProducts) {
        at::native::cpublas::brgemm(rows, count, std::min(kMaxDepth, job.in - depth), job.in, count, count,
                                    adds, parts + of_x * rows * job.in + depth,
                                    weight + of_weight * job.in * count + depth * count, sums);
        adds = true;
      }
    }
    addBias(sums, job.bias ? job.bias + first + column : nullptr, rows, count,
            job.y + row * job.out + first + column, job.out);
  }
}

/// libtorch says by throwing where it has no such kernel.
bool hasMatrixUnit() {
  static const bool has = [] {
    if (!hasFastBf16() || !hasMatrixKernel()) return false;
    std::array<Number, kLanes * kTile> a{}, b{};
    std::array<float, kLanes * kLanes> sums{};
    try {
      at::native::cpublas::brgemm(kLanes, kLanes, kTile, kTile, kLanes, kLanes, false, a.data(), b.data(),
                                  sums.data());
      at::native::cpublas::brgemm_release();
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }();
  return has;
}

#endif

}  // namespace

bool splitProductTakes(const at::Tensor& x, const at::Tensor& weight) {
#if CAMEO_CPU_KERNELS
  const auto is_float = [](const at::Tensor& t) {
    return t.is_cpu() && t.scalar_type() == at::kFloat && t.dim() == 2;
  };
  return is_float(x) && is_float(weight) && x.stride(1) == 1 &&
         (weight.stride(1) == 1 || weight.stride(0) == 1) && x.size(0) >= kLeastRows &&
         x.size(1) % kTile == 0 && weight.size(0) % kLanes == 0 && hasMatrixUnit();
#else
  return false;
#endif
}

at::Tensor splitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
#if CAMEO_CPU_KERNELS
  const Product job(x, weight, bias, y);
  // As many columns at a time as the last cache holds of the weight's parts.
  const int64_t group = std::max<int64_t>(1, cacheShare() / (job.packed(kColumns) * kBytes)) * kColumns;
  const at::Tensor packed = at::empty({job.packed(std::min(group, job.out))}, at::kBFloat16);
  const int64_t parts = kParts * job.rows * job.in * kBytes / static_cast<int64_t>(sizeof(float));
  const ThreadScratch scratch(parts + job.rows * kColumns);
  for (int64_t first = 0; first < job.out; first += group) {
    const int64_t columns = std::min(group, job.out - first);
    packWeight(job, first, columns, packed.mutable_data_ptr<Number>());
    at::parallel_for(0, job.blocks, 1, [&](int64_t begin, int64_t end) {
      float* const mine = scratch.mine();
      for (int64_t block = begin; block < end; ++block) {
        multiplyBlock(job, block * job.rows, first, columns, packed.const_data_ptr<Number>(),
                      reinterpret_cast<Number*>(mine), mine + parts);
      }
      at::native::cpublas::brgemm_release();
    });
  }
#endif
  return y;
}

}  // namespace cameo::cpu
