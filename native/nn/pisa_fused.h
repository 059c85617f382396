#pragma once

#include "cuda/pisa_library.h"
#include "nn/pisa.h"

namespace cameo::nn {

/// native/cuda's functions for PISA.
struct PisaKernels {
  decltype(&cameoPisaForwardWorkspace) forward_workspace;
  decltype(&cameoPisaBackwardWorkspace) backward_workspace;
  decltype(&cameoPisaForward) forward;
  decltype(&cameoPisaBackward) backward;
};

/// The kernels where they take such tensors (fp16 or bf16 on a GPU, heads of 32, 40, 64, 80 or 160 numbers),
/// run on their device and the addon has them beside it; otherwise null.
const PisaKernels* pisaKernelsFor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  int64_t heads, const FrameLayout& layout);

/// Whether the kernels take such heads and run on the device of q.
bool runOnDeviceOf(const at::Tensor& q, int64_t heads, const FrameLayout& layout, const PisaKernels& kernels);

/// As `pisaMerged`, by these kernels. Differentiable; gradients of queries are summed in no fixed order.
at::Tensor pisaFused(const PisaKernels& kernels, const at::Tensor& q, const at::Tensor& k,
                     const at::Tensor& v, int64_t heads, const FrameLayout& layout);

}  // namespace cameo::nn
