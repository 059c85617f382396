#include "cpu/matrix_unit_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "cpu/matrix_unit_weight.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kMinRows = 64, kMaxRows = 256;
constexpr int64_t kRowsBytes = 1 << 20;  // of x, which stay in a core's cache
constexpr int64_t kBytes = sizeof(Half);

template <typename Value>
const Value* valuesOf(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<Value>() : nullptr;
}

/// What is computed, of tensors of such values; a thread takes so many `rows` at a time.
template <typename Value>
struct Product {
  using Weight = UnitWeight<Value>;

  RowsOf<Value> x;
  Weight weight;
  const Value *bias, *added;
  Value* y;
  int64_t all_rows, rows, blocks;

  Product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& added,
          const at::Tensor& y)
      : x{x.const_data_ptr<Value>(), x.stride(0)},
        weight(weight),
        bias(valuesOf<Value>(bias)),
        added(valuesOf<Value>(added)),
        y(y.mutable_data_ptr<Value>()),
        all_rows(x.size(0)) {
    const int64_t most = std::clamp(kRowsBytes / (this->weight.packed(1) * kBytes), kMinRows, kMaxRows);
    rows = equalShare(all_rows, most);
    blocks = (all_rows + rows - 1) / rows;
  }
};

template <typename Value>
void multiplyBlock(const Product<Value>& job, int64_t row, int64_t first, int64_t columns, const Half* packed,
                   Half* parts, float* sums) {
  const int64_t out = job.weight.out, in = job.weight.in;
  const int64_t rows = std::min(job.rows, job.all_rows - row);
  const UnitRows x = unitRows({job.x.values + row * job.x.stride, job.x.stride}, rows, in, parts);
  for (int64_t column = 0; column < columns; column += kColumns) {
    const int64_t count = std::min(kColumns, columns - column), at = row * out + first + column;
    multiplyParts<Product<Value>::Weight::kParts>(rows, count, in, x, packed + job.weight.packed(column),
                                                  in * count, sums);
    finishProduct(sums, rows, count, job.bias ? job.bias + first + column : nullptr,
                  job.added ? job.added + at : nullptr, job.y + at, out);
  }
}

template <typename Value>
void multiplyAll(const Product<Value>& job) {
  // As many columns at a time as the last cache holds of the weight's parts.
  const UnitWeight<Value>& weight = job.weight;
  const int64_t group = std::max<int64_t>(1, cacheShare() / (weight.packed(kColumns) * kBytes)) * kColumns;
  const at::Tensor packed = at::empty({weight.packed(std::min(group, weight.out))}, at::kBFloat16);
  const int64_t parts = weight.kParts == 1 ? 0 : job.rows * weight.in;  // floats: two of bf16
  const ThreadScratch scratch(parts + job.rows * kColumns);
  for (int64_t first = 0; first < weight.out; first += group) {
    const int64_t columns = std::min(group, weight.out - first);
    packWeight(weight, first, columns, packed.mutable_data_ptr<Half>());
    at::parallel_for(0, job.blocks, 1, [&](int64_t begin, int64_t end) {
      float* const mine = scratch.mine();
      for (int64_t block = begin; block < end; ++block) {
        multiplyBlock(job, block * job.rows, first, columns, packed.const_data_ptr<Half>(),
                      reinterpret_cast<Half*>(mine), mine + parts);
      }
      releaseMatrixUnit();
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
    multiplyAll(Product<float>(x, weight, bias, added, y));
  } else {
    multiplyAll(Product<Half>(x, weight, bias, added, y));
  }
#endif
  return y;
}

}  // namespace cameo::cpu
