#pragma once

#include <ATen/core/Tensor.h>

#include "cuda/group_norm_library.h"

namespace cameo::nn {

/// native/cuda's functions for group norm.
struct GroupNormKernels {
  decltype(&cameoGroupNormWorkspace) workspace;
  decltype(&cameoGroupNorm) run;
};

/// The kernels where they take x (fp16 or bf16 on a GPU, channels-last, nothing differentiated), run on its
/// device and the addon has them beside it; otherwise null.
const GroupNormKernels* groupNormKernelsFor(const at::Tensor& x);

/// Whether the kernels run on the device of x, (N, C, H, W).
bool runOnDeviceOf(const at::Tensor& x, const GroupNormKernels& kernels);

/// As `fusedGroupNorm`, by these kernels. x (N, C, H, W), channels-last, an even C.
at::Tensor groupNormOnCuda(const GroupNormKernels& kernels, const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& bias, int64_t groups, double eps, bool silu);

}  // namespace cameo::nn
