#include "nn/group_norm_cuda.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>

#include <optional>
#include <stdexcept>

#include "core/cuda_library.h"

namespace cameo::nn {

namespace {

std::optional<GroupNormKernels> openGroupNormKernels() {
  try {
    return GroupNormKernels{
        reinterpret_cast<decltype(&cameoGroupNormWorkspace)>(cudaLibraryFunction("cameoGroupNormWorkspace")),
        reinterpret_cast<decltype(&cameoGroupNorm)>(cudaLibraryFunction("cameoGroupNorm"))};
  } catch (const std::runtime_error&) {
    return std::nullopt;  // libtorch's kernels do without
  }
}

/// What is known from x alone.
CameoGroupNorm problemOf(const at::Tensor& x) {
  const auto small = [](int64_t value) { return static_cast<int32_t>(value); };
  CameoGroupNorm norm{};
  norm.x = x.const_data_ptr();
  norm.images = small(x.size(0));
  norm.positions = small(x.size(2) * x.size(3));
  norm.channels = small(x.size(1));
  norm.is_bfloat16 = x.scalar_type() == at::kBFloat16;
  return norm;
}

}  // namespace

bool runOnDeviceOf(const at::Tensor& x, const GroupNormKernels& kernels) {
  const c10::DeviceGuard guard(x.device());
  const CameoGroupNorm norm = problemOf(x);
  return kernels.workspace(&norm) > 0;
}

const GroupNormKernels* groupNormKernelsFor(const at::Tensor& x) {
  const bool half = x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
  if (!x.is_cuda() || !half || c10::GradMode::is_enabled() || x.dim() != 4 || x.size(1) % 2 != 0 ||
      x.numel() == 0 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return nullptr;
  }
  static const std::optional<GroupNormKernels> kernels = openGroupNormKernels();
  return kernels && runOnDeviceOf(x, *kernels) ? &*kernels : nullptr;
}

at::Tensor groupNormOnCuda(const GroupNormKernels& kernels, const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& bias, int64_t groups, double eps, bool silu) {
  const c10::DeviceGuard guard(x.device());
  const at::Tensor y = at::empty_like(x), scale = weight.to(x.scalar_type()),
                   shift = bias.to(x.scalar_type());
  CameoGroupNorm norm = problemOf(x);
  norm.weight = scale.const_data_ptr();
  norm.bias = shift.const_data_ptr();
  norm.y = y.mutable_data_ptr();
  norm.groups = static_cast<int32_t>(groups);
  norm.silu = silu;
  norm.eps = static_cast<float>(eps);
  const at::Tensor workspace = cudaWorkspace(kernels.workspace(&norm), x);
  norm.workspace = workspace.mutable_data_ptr<float>();
  checkCuda(kernels.run(&norm, cudaStreamOf(x)));
  return y;
}

}  // namespace cameo::nn
