#include "cpu/matrix_unit_product.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "cpu/matrix_unit_weight.h"
#include "cpu/pieces.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kMaxRows = 320;
constexpr int64_t kLeftBytes = 1 << 20;  // of what is multiplied, which stay in a core's cache
constexpr int64_t kBytes = sizeof(Half);

/// x of x W^T.
template <typename V>
struct DenseRows {
  using Value = V;

  RowsOf<Value> x;
  int64_t rows;

  explicit DenseRows(const at::Tensor& x) : x{x.const_data_ptr<Value>(), x.stride(0)}, rows(x.size(0)) {}

  /// Some rows' numbers from `first` on as a left operand.
  void pack(int64_t row, int64_t count, int64_t first, int64_t depth, Half* panels) const {
    packRows(RowsOf<Value>{x.values + row * x.stride + first, x.stride}, count, depth, panels);
  }
};

/// What a 3x3 kernel sees of x (N, C, H, W), channels-last, with a padding of 1: (positions of the result, 9
/// C).
template <typename V>
struct Neighbourhoods {
  using Value = V;
  static constexpr int64_t kSide = 3;

  const Value* x;
  int64_t channels, height, width, stride, out_height, out_width, rows;

  Neighbourhoods(const at::Tensor& x, int64_t stride)
      : x(x.const_data_ptr<Value>()),
        channels(x.size(1)),
        height(x.size(2)),
        width(x.size(3)),
        stride(stride),
        out_height((height - 1) / stride + 1),
        out_width((width - 1) / stride + 1),
        rows(x.size(0) * out_height * out_width) {}

  CAMEO_FOR_EACH_CPU void pack(int64_t row, int64_t count, int64_t first, int64_t depth, Half* panels) const;

 private:
  /// The channels at a place of the kernel at a position; null beyond the image's edge.
  CAMEO_INLINE const Value* at(int64_t position, int64_t place) const {
    const int64_t line = position / out_width, image = line / out_height;
    const int64_t y = line % out_height * stride + place / kSide - 1;
    const int64_t column = position % out_width * stride + place % kSide - 1;
    const bool is_inside = y >= 0 && y < height && column >= 0 && column < width;
    return is_inside ? x + ((image * height + y) * width + column) * channels : nullptr;
  }
};

template <typename Value>
CAMEO_FOR_EACH_CPU void Neighbourhoods<Value>::pack(int64_t row, int64_t count, int64_t first, int64_t depth,
                                                    Half* panels) const {
  for (int64_t i = 0; i < roundedUp(count, kPanel); ++i) {
    Half* to = panels + placeOfRow<Value>(i, depth);
    for (int64_t k = first; k < first + depth;) {
      const int64_t channel = k % channels, run = std::min(channels - channel, first + depth - k);
      const Value* const from = i < count ? at(row + i, k / channels) : nullptr;
      packRow(from ? from + channel : nullptr, run, to);
      to += run / kTile * kStepNumbers<kPartsOf<Value>>;
      k += run;
    }
  }
}

/// A channels-last kernel (out, in, 3, 3) as the weight (out, 9 in) of neighbourhoods.
at::Tensor kernelMatrix(const at::Tensor& kernel) {
  return kernel.permute({0, 2, 3, 1}).flatten(1);
}

/// What is computed; a thread takes so many `rows` at a time, and sums over so much `depth`.
template <typename Left>
struct Product {
  using Value = typename Left::Value;
  static constexpr int64_t kParts = kPartsOf<Value>;

  Left x;
  UnitWeight<Value> weight;
  UnitResult<Value> result;
  int64_t rows, depth;

  Product(const Left& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& added,
          const at::Tensor& y)
      : x(x),
        weight(weight),
        result(y, weight.size(0), bias, added),
        rows(roundedUp(equalShare(x.rows, kMaxRows), kPanel)),
        depth(std::min(this->weight.in, kLeftBytes / (kParts * kBytes * rows) / kTile * kTile)) {}

  int64_t blocks() const { return (x.rows + rows - 1) / rows; }
};

/// Columns of the result at a time, from `first` on, and their packed weight.
struct Columns {
  int64_t first, count;
  const Half* panels;
};

template <typename Left>
CAMEO_MATRIX_UNIT void multiplyBlock(const Product<Left>& job, int64_t row, const Columns& columns,
                                     Half* left, float* sums) {
  using Value = typename Left::Value;
  constexpr int64_t parts = kPartsOf<Value>;
  const int64_t in = job.weight.in, rows = std::min(job.rows, job.x.rows - row);
  FinishedBlock<Value> before;
  const auto finish = [&before](int64_t i) CAMEO_INLINE_LAMBDA { before.finish(i); };
  for (int64_t begin = 0; begin < in; begin += job.depth) {
    const int64_t depth = std::min(job.depth, in - begin);
    job.x.pack(row, rows, begin, depth, left);
    float* mine = sums;
    for (int64_t column = 0; column < columns.count; column += kPanel) {
      const Half* const right =
          columns.panels + column / kPanel * job.weight.panel() + panelNumbers<parts>(begin);
      for (int64_t i = 0; i < rows; i += kPanel) {
        multiplyPanels<parts>(left + panelNumbers<parts>(depth) * (i / kPanel), right, depth, mine, begin > 0,
                              finish);
        before = {};
        if (begin + depth == in) before = job.result.block(mine, row + i, columns.first + column);
        // Sums that nothing is added to later are finished during the next product: two blocks, by turns.
        mine = job.depth < in || mine == sums ? mine + kBlock : sums;
      }
    }
  }
  for (int64_t i = 0; i < kPanel; ++i) finish(i);
}

template <typename Left>
void multiplyAll(const Product<Left>& job) {
  // As many columns at a time as the last cache holds of the weight's parts.
  const auto& weight = job.weight;
  const int64_t most = std::max<int64_t>(1, cacheShare() / (weight.panel() * kBytes)) * kPanel;
  const int64_t group = std::min(roundedUp(weight.out, kPanel), most);
  const at::Tensor packed = at::empty({group / kPanel * weight.panel()}, at::kBFloat16);
  const int64_t left = job.rows * job.depth * Product<Left>::kParts / 2;  // floats
  const ThreadScratch scratch(left + (job.depth < weight.in ? job.rows * group : 2 * kBlock));
  for (int64_t first = 0; first < weight.out; first += group) {
    const int64_t count = std::min(group, weight.out - first);
    packWeight(weight, {first, count}, packed.mutable_data_ptr<Half>());
    forEachPiece(job.blocks(), 1, [&](int64_t begin, int64_t end) {
      const MatrixUnitTiles tiles;
      float* const mine = scratch.mine();
      for (int64_t block = begin; block < end; ++block) {
        multiplyBlock(job, block * job.rows, {first, count, packed.const_data_ptr<Half>()},
                      reinterpret_cast<Half*>(mine), mine + left);
      }
      finishStores();
    });
  }
}

#endif

}  // namespace

at::Tensor matrixUnitProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             const at::Tensor& added) {
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
#if CAMEO_CPU_KERNELS
  if (x.scalar_type() == at::kFloat) {
    multiplyAll(Product(DenseRows<float>(x), weight, bias, added, y));
  } else {
    multiplyAll(Product(DenseRows<Half>(x), weight, bias, added, y));
  }
#endif
  return y;
}

bool matrixUnitConvolves(const at::Tensor& x, const at::Tensor& weight, int64_t stride, int64_t padding) {
#if CAMEO_CPU_KERNELS
  const auto format = at::MemoryFormat::ChannelsLast;
  return x.is_cpu() && x.dim() == 4 && x.numel() > 0 && x.is_contiguous(format) && weight.dim() == 4 &&
         weight.is_contiguous(format) && weight.size(2) == 3 && weight.size(3) == 3 && padding == 1 &&
         x.size(1) % kTile == 0 && stride > 0 && matrixUnitPacks(x, kernelMatrix(weight));
#else
  return false;
#endif
}

at::Tensor matrixUnitConvolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                 int64_t stride) {
  const auto lengthOf = [&](int64_t dim) { return (x.size(dim) - 1) / stride + 1; };
  at::Tensor y = at::empty({x.size(0), weight.size(0), lengthOf(2), lengthOf(3)}, x.options(),
                           at::MemoryFormat::ChannelsLast);
#if CAMEO_CPU_KERNELS
  const at::Tensor matrix = kernelMatrix(weight);
  if (x.scalar_type() == at::kFloat) {
    multiplyAll(Product(Neighbourhoods<float>(x, stride), matrix, bias, {}, y));
  } else {
    multiplyAll(Product(Neighbourhoods<Half>(x, stride), matrix, bias, {}, y));
  }
#endif
  return y;
}

}  // namespace cameo::cpu
