#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cameo::cpu {

/// Whether this CPU and this libtorch have the kernel that `multiply` calls.
bool hasMatrixKernel();

/// Rows of numbers, `stride` numbers apart.
template <typename Number>
struct RowsOf {
  const Number* values;
  int64_t stride;
};
using Rows = RowsOf<float>;

/// c (rows, columns), `stride` numbers from row to row, = a (rows, depth) b (depth, columns), added to what
/// is there where `adds`. By this thread alone: for matrices that fit in its cache.
void multiply(int64_t rows, int64_t columns, int64_t depth, Rows a, Rows b, float* c, int64_t stride,
              bool adds = false);

/// to (columns, rows), `stride` numbers from row to row, = x (rows, columns), turned. By this thread alone.
void turn(Rows x, int64_t rows, int64_t columns, float* to, int64_t stride);

constexpr int64_t roundedUp(int64_t length, int64_t step) {
  return (length + step - 1) / step * step;
}

constexpr int64_t kLine = 16;  // numbers of a cache line

/// Bytes of the last cache that a thread may count on.
int64_t cacheShare();

/// Of `all` rows, how many a thread takes at a time: at most `most`, and all threads alike in every round.
int64_t equalShare(int64_t all, int64_t most);

/// Numbers for every thread of a parallel loop, as they come, from a cache line of its own on. Made before
/// the loop, of tensors' memory, which is not given back to the system after each use.
class ThreadScratch {
 public:
  explicit ThreadScratch(int64_t numbers);
  float* mine() const;

 private:
  at::Tensor all_;
};

/// Cuts a thread's scratch into pieces, from a cache line each; of none, only counts what they take.
class Pieces {
 public:
  explicit Pieces(float* scratch = nullptr) : scratch_(scratch) {}

  template <typename Number = float>
  Number* take(int64_t numbers) {
    Number* const piece = scratch_ ? reinterpret_cast<Number*>(scratch_ + taken_) : nullptr;
    constexpr int64_t line = kLine * sizeof(float) / sizeof(Number);
    taken_ += (numbers + line - 1) / line * kLine;
    return piece;
  }

  int64_t taken() const { return taken_; }  // floats

 private:
  float* scratch_;
  int64_t taken_ = 0;
};

}  // namespace cameo::cpu
