#include "cpu/matrix_unit.h"

#include <ATen/cpu/Utils.h>
#include <ATen/native/CPUBlas.h>
#include <c10/util/Exception.h>

#include <array>

#include "core/device.h"

namespace cameo::cpu {

#if CAMEO_CPU_KERNELS

void multiply(int64_t rows, int64_t columns, int64_t depth, RowsOf<Half> a, RowsOf<Half> b, float* c,
              int64_t stride, bool adds) {
  at::native::cpublas::brgemm(rows, columns, depth, a.stride, b.stride, stride, adds, a.values, b.values, c);
}

void releaseMatrixUnit() {
  at::native::cpublas::brgemm_release();
}

bool hasMatrixUnit() {
  // The system must allow a process to use the unit; libtorch says by throwing where it has no such kernel.
  static const bool has = [] {
    if (!__builtin_cpu_supports("amx-tile") || !__builtin_cpu_supports("amx-bf16")) return false;
    if (!hasFastBf16() || !hasMatrixKernel() || !at::cpu::init_amx()) return false;
    std::array<Half, kLanes * kTile> a{}, b{};
    std::array<float, kLanes * kLanes> sums{};
    try {
      multiply(kLanes, kLanes, kTile, {a.data(), kTile}, {b.data(), kLanes}, sums.data(), kLanes, false);
      releaseMatrixUnit();
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }();
  return has;
}

#else

bool hasMatrixUnit() {
  return false;
}

#endif

}  // namespace cameo::cpu
