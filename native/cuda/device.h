#pragma once

// What the kernels ask of the device, as functions; no other file has assembly or names of CUDA's. For the
// tests the kernels are compiled for the host, over a device that is emulated.

#ifdef __CUDACC__

#include <cuda_runtime.h>

#include <cstdint>

#define CAMEO_DEVICE __device__ __forceinline__
#define CAMEO_UNROLL _Pragma("unroll")
#define CAMEO_NO_UNROLL _Pragma("unroll 1")
#define CAMEO_PRAGMA(text) _Pragma(#text)
#define CAMEO_UNROLL_BY(count) CAMEO_PRAGMA(unroll(count))
#define CAMEO_ANYWHERE __host__ __device__

namespace cameo::cuda {

enum class Precision { Float16, BFloat16 };

using Stream = cudaStream_t;

/// Blocks that keep a large GPU at work until a kernel's end.
constexpr int kEnoughBlocks = 512;

CAMEO_DEVICE int threadIndex() {
  return static_cast<int>(threadIdx.x);
}
CAMEO_DEVICE int blockColumn() {
  return static_cast<int>(blockIdx.x);
}
CAMEO_DEVICE int blockRow() {
  return static_cast<int>(blockIdx.y);
}
CAMEO_DEVICE void syncThreads() {
  __syncthreads();
}

/// The address of the block's shared memory; addresses are numbers of bytes.
CAMEO_DEVICE uint32_t sharedMemory() {
  extern __shared__ __align__(16) uint8_t memory[];
  return static_cast<uint32_t>(__cvta_generic_to_shared(memory));
}

/// 16 bytes from global to shared memory, there after `waitForCopies`; zeros, with nothing read, unless
/// `there`.
CAMEO_DEVICE void copyAsync16(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0)
               : "memory");
}
CAMEO_DEVICE void copyAsync4(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(there ? 4 : 0)
               : "memory");
}
/// Waits for this thread's copies; what other threads copied is there after `syncThreads`, too.
CAMEO_DEVICE void waitForCopies() {
  asm volatile("cp.async.wait_all;" ::: "memory");
}

CAMEO_DEVICE void storeShared(uint32_t to, uint32_t value) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(value) : "memory");
}
CAMEO_DEVICE void storeShared(uint32_t to, float value) {
  asm volatile("st.shared.f32 [%0], %1;" ::"r"(to), "f"(value) : "memory");
}
CAMEO_DEVICE void storeShared(uint32_t to, float4 value) {
  asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(to), "f"(value.x), "f"(value.y), "f"(value.z),
               "f"(value.w)
               : "memory");
}
CAMEO_DEVICE float2 loadShared2(uint32_t from) {
  float2 value;
  asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];" : "=f"(value.x), "=f"(value.y) : "r"(from) : "memory");
  return value;
}
CAMEO_DEVICE float4 loadShared4(uint32_t from) {
  float4 value;
  asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(value.x), "=f"(value.y), "=f"(value.z), "=f"(value.w)
               : "r"(from)
               : "memory");
  return value;
}

/// Four 8x8 matrices of 16-bit numbers; lanes 8i to 8i+7 give the addresses of the i-th's rows. Lane l gets
/// row l / 4, columns 2 (l % 4) and the next.
CAMEO_DEVICE void loadMatrices(uint32_t (&to)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
CAMEO_DEVICE void loadMatrices(uint32_t (&to)[2], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(to[0]), "=r"(to[1])
               : "r"(row)
               : "memory");
}
/// The same of the transposed matrices: lane l gets rows 2 (l % 4) and the next of column l / 4.
CAMEO_DEVICE void loadTransposed(uint32_t (&to)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
CAMEO_DEVICE void loadTransposed(uint32_t (&to)[2], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(to[0]), "=r"(to[1])
               : "r"(row)
               : "memory");
}

/// c (16x8) += a (16x16) b (16x8)
template <Precision precision>
CAMEO_DEVICE void multiplyAdd(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (precision == Precision::Float16) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
}
/// c (16x8) += a (16x8) b (8x8)
template <Precision precision>
CAMEO_DEVICE void multiplyAdd(float (&c)[4], const uint32_t (&a)[2], uint32_t b) {
  if constexpr (precision == Precision::Float16) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(b));
  } else {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(b));
  }
}

/// The value of the lane whose number differs by `mask`.
CAMEO_DEVICE float exchange(float value, int mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}
CAMEO_DEVICE bool anyInWarp(bool value) {
  return __any_sync(0xffffffffu, value) != 0;
}

/// The same value, from which nothing can be derived earlier: addresses for the end of a loop are then not
/// kept all through it.
CAMEO_DEVICE int fromHere(int value) {
  asm volatile("" : "+r"(value));
  return value;
}

CAMEO_DEVICE float larger(float a, float b) {
  return fmaxf(a, b);
}
CAMEO_DEVICE float powerOf2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
CAMEO_DEVICE float logarithm2(float x) {
  return __log2f(x);
}

template <Precision precision>
CAMEO_DEVICE uint32_t pack(float low, float high) {
  uint32_t pair;
  if constexpr (precision == Precision::Float16) {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  } else {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  }
  return pair;
}
template <Precision precision>
CAMEO_DEVICE float2 unpack(uint32_t pair) {
  if constexpr (precision == Precision::BFloat16) {
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
  } else {
    float2 values;
    asm("{.reg .f16 low, high;\n"
        "mov.b32 {low, high}, %2;\n"
        "cvt.f32.f16 %0, low;\n"
        "cvt.f32.f16 %1, high;}"
        : "=f"(values.x), "=f"(values.y)
        : "r"(pair));
    return values;
  }
}

/// Adds a 16x8 fragment to one in global memory (128 numbers, in an order of the device's own).
CAMEO_DEVICE void addFragment(float* to, int lane, const float (&c)[4]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to + 4 * lane), "f"(c[0]), "f"(c[1]),
               "f"(c[2]), "f"(c[3])
               : "memory");
#else
  CAMEO_UNROLL
  for (int i = 0; i < 4; ++i) atomicAdd(to + 32 * i + lane, c[i]);
#endif
}
CAMEO_DEVICE float4 readFragment(const float* from, int lane) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  return reinterpret_cast<const float4*>(from)[lane];
#else
  return make_float4(from[lane], from[32 + lane], from[64 + lane], from[96 + lane]);
#endif
}

template <typename Body>
__global__ void __launch_bounds__(Body::kThreads, Body::kBlocksAtOnce) runBody(const Body body) {
  body();
}

/// Starts `body` on a grid of `columns` x `rows` blocks. 0, or CUDA's error.
template <typename Body>
int launch(const Body& body, int columns, int rows, Stream stream) {
  static_assert(Body::kSharedBytes <= 99 * 1024, "more than some GPUs have for a block");
  if constexpr (Body::kSharedBytes > 48 * 1024) {
    const cudaError_t refused =
        cudaFuncSetAttribute(runBody<Body>, cudaFuncAttributeMaxDynamicSharedMemorySize, Body::kSharedBytes);
    if (refused != cudaSuccess) return refused;
  }
  runBody<Body><<<dim3(columns, rows), Body::kThreads, Body::kSharedBytes, stream>>>(body);
  return cudaGetLastError();
}

/// The first number of the current device's compute capability; 0 where that can't be told.
inline int computeCapability() {
  int device = 0, major = 0;
  const bool known = cudaGetDevice(&device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess;
  return known ? major : 0;
}

inline int fillWithZeros(float* values, int64_t count, Stream stream) {
  return cudaMemsetAsync(values, 0, count * sizeof(float), stream);
}

}  // namespace cameo::cuda

#else
#include "cuda/emulated_device.h"
#endif

namespace cameo::cuda {

constexpr float kLog2E = 1.44269504f;

constexpr int kWarp = 32;

CAMEO_DEVICE int laneIndex() {
  return threadIndex() % kWarp;
}
CAMEO_DEVICE int warpIndex() {
  return threadIndex() / kWarp;
}

/// Whether the current device has the instructions above.
inline bool isSupported() {
  return computeCapability() >= 8;
}

CAMEO_ANYWHERE constexpr int tilesOf(int length, int tile) {
  return (length + tile - 1) / tile;
}

}  // namespace cameo::cuda
