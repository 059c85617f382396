#include "cpu/matrix.h"

#include <ATen/native/CPUBlas.h>

#include <array>

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

}  // namespace cameo::cpu
