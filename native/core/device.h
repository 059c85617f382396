#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace cameo {

/// "auto" | "cpu" | "cuda" | "cuda:N". "cuda", and "auto" where there is a GPU, take the one numbered `gpu`.
/// Throws `ErrorCode::InvalidOption` for another spelling and `ErrorCode::Device` for a GPU that isn't there.
c10::Device parseDevice(const std::string& name, int64_t gpu = 0);

/// "auto" | "fp32" | "bf16" | "fp16". "auto" is `autoDtype`. Throws `ErrorCode::InvalidOption`.
c10::ScalarType parseDtype(const std::string& name, c10::Device device);

/// bf16 where the device is fast in it, else fp16 on a GPU and fp32 on a CPU.
c10::ScalarType autoDtype(c10::DeviceType device, bool has_fast_bf16);

/// Whether a GPU has compute capability 8.0, from which on it multiplies bf16 and libtorch's flash attention
/// runs.
bool isAmpereOrNewer(c10::Device gpu);

/// Has GPUs compute fp32 in fp32: left to itself, libtorch rounds what convolutions multiply to TF32's 11
/// bits. For the whole process.
void computeFloatsExactly();

/// Whether this processor multiplies matrices of bf16 many times as fast as those of fp32 (AMX).
bool hasFastBf16();

/// The option's spelling of a dtype: "fp32", "bf16", "fp16", else libtorch's name.
std::string dtypeName(c10::ScalarType dtype);

}  // namespace cameo
