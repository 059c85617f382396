#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace cameo::cpu {

/// Whether this CPU and this libtorch have the kernel that `multiply` calls.
bool hasMatrixKernel();

/// Rows of numbers, `stride` numbers apart.
struct Rows {
  const float* values;
  int64_t stride;
};

/// c (rows, columns), `stride` numbers from row to row, = a (rows, depth) b (depth, columns), added to what
/// is there where `adds`. By this thread alone: for matrices that fit in its cache.
void multiply(int64_t rows, int64_t columns, int64_t depth, Rows a, Rows b, float* c, int64_t stride,
              bool adds = false);

/// to (columns, rows), `stride` numbers from row to row, = x (rows, columns), turned. By this thread alone.
void turn(Rows x, int64_t rows, int64_t columns, float* to, int64_t stride);

constexpr int64_t kLine = 16;  // numbers of a cache line

/// Bytes of the last cache that a thread may count on.
int64_t cacheShare();

/// Numbers for every thread of a parallel loop, as they come, from a cache line of its own on. Made before
/// the loop, of tensors' memory, which is not given back to the system after each use.
class ThreadScratch {
 public:
  explicit ThreadScratch(int64_t numbers);
  float* mine() const;

 private:
  at::Tensor all_;
};

/// Numbers as they come.
using Scratch = std::unique_ptr<float[]>;

inline Scratch makeScratch(int64_t numbers) {
  return std::make_unique_for_overwrite<float[]>(numbers);
}

}  // namespace cameo::cpu
