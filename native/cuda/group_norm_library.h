#pragma once

#include <cstdint>

// The functions that cameo_cuda.so has for group norm, in C's terms: the addon calls them without CUDA's
// headers.

extern "C" {

/// Each group of channels of an image normalised over all positions (arXiv 1803.08494).
struct CameoGroupNorm {
  const void* x;                                // (N, P, C), contiguous, 16-bit
  const void *weight, *bias;                    // (C), like x
  void* y;                                      // like x
  float* workspace;                             // of cameoGroupNormWorkspace's size
  int32_t images, positions, channels, groups;  // N, P, C (even), divides C
  int32_t is_bfloat16;                          // otherwise float16
  int32_t silu;                                 // whether x sigmoid(x) follows
  float eps;
};

/// In floats. 0 where there are no kernels for the current device.
int64_t cameoGroupNormWorkspace(const CameoGroupNorm* norm);

/// Starts the kernels on `stream`, a cudaStream_t of the current device. 0, or the number of CUDA's error.
int cameoGroupNorm(const CameoGroupNorm* norm, void* stream);
}
