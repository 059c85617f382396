// What the kernels take this CPU for, and a way to take it for less. Functions that are compiled for several
// CPUs are chosen among by libgcc's `__cpu_indicator_init`, in whose place the linker puts the one here
// (CMakeLists.txt). The environment's CAMEO_TEST_CPU hides AMX ("avx512"), AVX-512 too ("avx2"), or AVX2 and
// FMA as well ("none").

#include <ATen/ATen.h>
#include <ATen/cpu/Utils.h>

#include "cpu/matrix.h"
#include "cpu/matrix_unit.h"
#include "cpu/vector.h"
#include "harness.h"

#if CAMEO_CPU_KERNELS

extern char** environ;

extern "C" {
extern struct {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;
extern unsigned __cpu_features2[];
int __real___cpu_indicator_init();
}

namespace {

/// Without a function of a library: this is called while the addon is being linked.
bool hides(const char* level) {
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const char *expected = "CAMEO_TEST_CPU=", *actual = *variable;
    while (*expected != '\0' && *actual == *expected) ++actual, ++expected;
    if (*expected != '\0') continue;
    while (*level != '\0' && *actual == *level) ++actual, ++level;
    return *actual == '\0' && *level == '\0';
  }
  return false;
}

/// Clears the bit, wherever it is, without which the CPU no longer `has` the feature.
template <typename Has>
void hide(const Has& has) {
  for (int place = 0; has(); ++place) {
    unsigned& word = place < 32 ? __cpu_model.features[0] : __cpu_features2[place / 32 - 1];
    const unsigned bit = 1u << place % 32, before = word;
    word &= ~bit;
    asm volatile("" ::: "memory");
    if (has()) word = before;
  }
}

}  // namespace

extern "C" int __wrap___cpu_indicator_init() {
  const int result = __real___cpu_indicator_init();
  const bool none = hides("none"), avx2 = none || hides("avx2");
  if (avx2 || hides("avx512")) {
    hide([] { return __builtin_cpu_supports("amx-tile") != 0; });
    hide([] { return __builtin_cpu_supports("amx-bf16") != 0; });
  }
  if (avx2) hide([] { return __builtin_cpu_supports("x86-64-v4") != 0; });
  if (none) hide([] { return __builtin_cpu_supports("x86-64-v3") != 0; });
  return result;
}

#endif

namespace cameo::test {

namespace {

#if CAMEO_CPU_KERNELS

/// 0 where the product is rounded before it is added to, as CPUs without FMA must.
CAMEO_FOR_EACH_CPU double roundedOnce(double x) {
  return x * x - (1 + 0x1p-29);
}

bool lets(const char* level) {
  const std::string name(level);
  if (name == "avx512") return __builtin_cpu_supports("x86-64-v4") != 0;
  if (name == "avx2") return __builtin_cpu_supports("x86-64-v3") != 0;
  return __builtin_cpu_supports("amx-tile") != 0 && __builtin_cpu_supports("amx-bf16") != 0 &&
         at::cpu::init_amx();
}

#else

double roundedOnce(double) {
  return 0;
}

bool lets(const char*) {
  return false;
}

#endif

/// What the CPU lets the kernels use: "amx", "avx512" and "avx2"; which libtorch has: the "matrixKernel" and
/// the "matrixUnit"; and whether the copy for AVX2 or a later one is the "chosen" one.
Tensors features(const Json&, const Tensors&) {
  Tensors result;
  const auto add = [&](const char* name, bool value) { result[name] = at::scalar_tensor(value, at::kFloat); };
  for (const char* level : {"amx", "avx512", "avx2"}) add(level, lets(level));
  add("matrixKernel", cpu::hasMatrixKernel());
  add("matrixUnit", cpu::hasMatrixUnit());
  volatile double x = 1 + 0x1p-30;
  add("chosen", roundedOnce(x) != 0);
  return result;
}

}  // namespace

const bool kFeaturesRegistered = addProbe("cpu.features", features);

}  // namespace cameo::test
