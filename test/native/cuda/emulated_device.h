#pragma once

// native/cuda/device.h for the host: kernels run block by block, thread by thread, on a GPU that is emulated
// as the PTX ISA describes it. It is strict where a GPU would be right by luck: shared memory starts as NaNs,
// asynchronous copies arrive no sooner than they are waited for, between two barriers the warps run one
// after the other, each time in another order, and conflicts of banks are errors where matrices are loaded.

#include <cmath>
#include <cstdint>
#include <functional>

#define CAMEO_DEVICE inline
#define CAMEO_UNROLL
#define CAMEO_NO_UNROLL
#define CAMEO_UNROLL_BY(count)
#define CAMEO_ANYWHERE

namespace cameo::cuda {

enum class Precision { Float16, BFloat16 };

using Stream = void*;

constexpr int kEnoughBlocks = 8;

struct float2 {
  float x, y;
};
struct float4 {
  float x, y, z, w;
};

int threadIndex();
int blockColumn();
int blockRow();
void syncThreads();

inline uint32_t sharedMemory() {
  return 0;
}
void copyAsync16(uint32_t to, const void* from, bool there);
void copyAsync4(uint32_t to, const void* from, bool there);
void waitForCopies();
void storeShared(uint32_t to, uint32_t value);
void storeShared(uint32_t to, float value);
void storeShared(uint32_t to, float4 value);
float2 loadShared2(uint32_t from);
float4 loadShared4(uint32_t from);

void loadMatrices(uint32_t (&to)[4], uint32_t row);
void loadMatrices(uint32_t (&to)[2], uint32_t row);
void loadTransposed(uint32_t (&to)[4], uint32_t row);
void loadTransposed(uint32_t (&to)[2], uint32_t row);

/// c (16x8) += a (16x8k) b (8kx8); `steps` k is 1 or 2.
void multiplyAdd(Precision precision, int steps, float* c, const uint32_t* a, const uint32_t* b);

template <Precision precision>
void multiplyAdd(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  multiplyAdd(precision, 2, c, a, b);
}
template <Precision precision>
void multiplyAdd(float (&c)[4], const uint32_t (&a)[2], uint32_t b) {
  multiplyAdd(precision, 1, c, a, &b);
}

float exchange(float value, int mask);
bool anyInWarp(bool value);

inline int fromHere(int value) {
  return value;
}
inline float larger(float a, float b) {
  return std::fmax(a, b);
}
inline float powerOf2(float x) {
  return std::exp2(x);
}
inline float logarithm2(float x) {
  return std::log2(x);
}

uint32_t pack(Precision precision, float low, float high);
float2 unpack(Precision precision, uint32_t pair);

template <Precision precision>
uint32_t pack(float low, float high) {
  return pack(precision, low, high);
}
template <Precision precision>
float2 unpack(uint32_t pair) {
  return unpack(precision, pair);
}

void addFragment(float* to, int lane, const float (&c)[4]);
float4 readFragment(const float* from, int lane);

/// Throws where threads of a warp part at an instruction that they execute together, or shared memory ends.
void runGrid(const std::function<void()>& thread, int threads, int shared_bytes, int columns, int rows);

template <typename Body>
int launch(const Body& body, int columns, int rows, Stream) {
  runGrid([&] { body(); }, Body::kThreads, Body::kSharedBytes, columns, rows);
  return 0;
}

inline int emulated_capability = 8;

inline int computeCapability() {
  return emulated_capability;
}

/// While it lives, the device has another compute capability.
class EmulatedCapability {
 public:
  explicit EmulatedCapability(int capability) { emulated_capability = capability; }
  ~EmulatedCapability() { emulated_capability = 8; }
  EmulatedCapability(const EmulatedCapability&) = delete;
  EmulatedCapability& operator=(const EmulatedCapability&) = delete;
};

inline int fillWithZeros(float* values, int64_t count, Stream) {
  for (int64_t i = 0; i < count; ++i) values[i] = 0;
  return 0;
}

}  // namespace cameo::cuda
