#include "core/device.h"

#include <ATen/Context.h>
#include <ATen/cpu/Utils.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <charconv>

#include "core/error.h"

namespace cameo {

namespace {

int64_t cudaDeviceCount() {
  return at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
}

c10::Device cudaDevice(int64_t index) {
  const int64_t count = cudaDeviceCount();
  if (index < count) return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  throw Error(ErrorCode::Device, c10::str("device cuda:", index, " is not there (", count, " CUDA device",
                                          count == 1 ? "" : "s", " found); `cameo doctor` says why"));
}

}  // namespace

bool isAmpereOrNewer(c10::Device gpu) {
  const c10::DeviceGuard current(gpu);
  // Of what libtorch answers without CUDA's headers, this asks for compute capability 8.0 and nothing else.
  return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
}

c10::ScalarType autoDtype(c10::DeviceType device, bool has_fast_bf16) {
  if (has_fast_bf16) return c10::kBFloat16;
  return device == c10::kCUDA ? c10::kHalf : c10::kFloat;
}

void computeFloatsExactly() {
  at::globalContext().setAllowTF32CuDNN(false);
}

bool hasFastBf16() {
  static const bool has = [] {
    const auto capabilities = at::cpu::get_cpu_capabilities();
    const auto amx = capabilities.find("amx_bf16");
    return amx != capabilities.end() && amx->second.toBool();
  }();
  return has;
}

c10::Device parseDevice(const std::string& name, int64_t gpu) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "auto") return cudaDeviceCount() > 0 ? cudaDevice(gpu) : c10::Device(c10::kCPU);
  if (name == "cuda") return cudaDevice(gpu);
  if (name.rfind("cuda:", 0) == 0) {
    int index = 0;
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + 5, end, index);
    if (error == std::errc() && rest == end && index >= 0) return cudaDevice(index);
  }
  throw Error(ErrorCode::InvalidOption,
              c10::str("device \"", name, "\" is unknown; use \"auto\", \"cpu\", \"cuda\" or \"cuda:N\""));
}

c10::ScalarType parseDtype(const std::string& name, c10::Device device) {
  if (name == "fp32") return c10::kFloat;
  if (name == "bf16") return c10::kBFloat16;
  if (name == "fp16") return c10::kHalf;
  if (name == "auto") {
    return autoDtype(device.type(), device.is_cuda() ? isAmpereOrNewer(device) : hasFastBf16());
  }
  throw Error(ErrorCode::InvalidOption,
              c10::str("dtype \"", name, "\" is unknown; use \"auto\", \"fp32\", \"bf16\" or \"fp16\""));
}

std::string dtypeName(c10::ScalarType dtype) {
  switch (dtype) {
    case c10::kFloat:
      return "fp32";
    case c10::kBFloat16:
      return "bf16";
    case c10::kHalf:
      return "fp16";
    default:
      return c10::toString(dtype);
  }
}

}  // namespace cameo
