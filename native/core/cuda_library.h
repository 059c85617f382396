#pragma once

#include <ATen/core/Tensor.h>

namespace cameo {

/// A function of native/cuda's library, cameo_cuda.so, which lies beside the addon where the addon was built
/// with the headers or the compiler of CUDA. Throws std::runtime_error, with the loader's reason, where it
/// isn't there.
void* cudaLibraryFunction(const char* name);

/// The stream that this thread computes on, a cudaStream_t; null where x is not on a GPU.
void* cudaStreamOf(const at::Tensor& x);

/// Throws unless the number of a CUDA error is 0.
void checkCuda(int error);

/// Memory for kernels that compute on the device of `like`, (floats), fp32.
at::Tensor cudaWorkspace(int64_t floats, const at::Tensor& like);

}  // namespace cameo
