#include "cpu/matrix.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>
#ifdef __unix__
#include <unistd.h>
#endif

#include <algorithm>
#include <array>

#include "cpu/vector.h"

namespace cameo::cpu {

bool hasMatrixKernel() {
  // libtorch says so by throwing.
  static const bool has = [] {
    constexpr int64_t side = 16;
    std::array<float, side * side> a{}, b{}, c{};
    try {
      multiply(side, side, side, {a.data(), side}, {b.data(), side}, c.data(), side);
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }();
  return has;
}

void multiply(int64_t rows, int64_t columns, int64_t depth, Rows a, Rows b, float* c, int64_t stride,
              bool adds) {
  at::native::cpublas::brgemm(rows, columns, depth, a.stride, b.stride, stride, adds, a.values, b.values, c);
}

int64_t cacheShare() {
  constexpr int64_t least = 1 << 20, most = 16 << 20;
#ifdef _SC_LEVEL3_CACHE_SIZE
  static const int64_t cache = sysconf(_SC_LEVEL3_CACHE_SIZE);  // 0 where the system doesn't say
#else
  static const int64_t cache = 0;
#endif
  return cache > 0 ? std::clamp(cache / (2 * at::get_num_threads()), least, most) : least;
}

int64_t equalShare(int64_t all, int64_t most) {
  const int64_t threads = at::get_num_threads(), rounds = (all + most * threads - 1) / (most * threads);
  return (all + rounds * threads - 1) / (rounds * threads);
}

ThreadScratch::ThreadScratch(int64_t numbers)
    : all_(at::empty({at::get_num_threads(), roundedUp(numbers, kLine)}, at::kFloat)) {}

float* ThreadScratch::mine() const {
  return all_.mutable_data_ptr<float>() + at::get_thread_num() * all_.stride(0);
}

#if CAMEO_CPU_KERNELS

CAMEO_FOR_EACH_CPU void turn(Rows from, int64_t rows, int64_t columns, float* to, int64_t stride) {
  const auto [x, x_stride] = from;
  const int64_t whole_rows = rows - rows % kLanes, whole_columns = columns - columns % kLanes;
  for (int64_t i = 0; i < whole_rows; i += kLanes) {
    for (int64_t j = 0; j < whole_columns; j += kLanes) {
      Vector square[kLanes];
      for (int64_t lane = 0; lane < kLanes; ++lane) square[lane] = load(x + (i + lane) * x_stride + j);
      transpose(square);
      for (int64_t lane = 0; lane < kLanes; ++lane) store(to + (j + lane) * stride + i, square[lane]);
    }
    for (int64_t j = whole_columns; j < columns; ++j) {
      for (int64_t lane = 0; lane < kLanes; ++lane) to[j * stride + i + lane] = x[(i + lane) * x_stride + j];
    }
  }
  for (int64_t i = whole_rows; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * stride + i] = x[i * x_stride + j];
  }
}

#endif

}  // namespace cameo::cpu
