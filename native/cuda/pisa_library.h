#pragma once

#include <cstdint>

// The functions that cameo_cuda.so has for PISA, in C's terms: the addon calls them without CUDA's headers.
// Tensors are (B, F+R, n, H*d), 16-bit, frames before references.

extern "C" {

struct CameoPisaReference {
  int32_t subject;
  int32_t first, count;  // the subject's references
  float log2_strength;   // as frames see it; minus infinity: they don't
};

/// Who listens to whom, where not all do (native/nn/regions.h).
struct CameoPisaRegions {
  static constexpr int kMostReferences = 32;

  const uint32_t* bits;  // (S, F, words): whether position 32 w + i listens to a subject's references
  int32_t words;         // a multiple of 4
  CameoPisaReference references[kMostReferences];
};

struct CameoPisaProblem {
  int32_t batch, frames, references, tokens, heads, head_size;  // B, F, R, n, H, d
  int32_t is_bfloat16;                                          // otherwise float16
  const CameoPisaRegions* regions;                              // null: all listen to one another
};

/// Number c of head h of token t of an image lies at sample * b + token * (image * n + t) + h * d + c.
struct CameoPisaStrides {
  int64_t sample, token;
};

struct CameoPisaForward {
  const void *q, *k, *v;  // multiples of 16 bytes, strides of 8 numbers
  CameoPisaStrides input;
  void* out;           // contiguous
  float* workspace;    // of cameoPisaForwardWorkspace's size
  float* log_sum_exp;  // for the backward pass, or null: (B, H, F*n + F*R*n), of base 2; the references' for
                       // each frame, plus log2 F
  void* each;  // for the backward pass, or null: (B, F, R*n, H*d), the references' results of each frame
};

struct CameoPisaBackward {
  const void *q, *k, *v;
  CameoPisaStrides input;
  const void *grad_out, *out, *each;  // contiguous
  const float* log_sum_exp;
  void *dq, *dk, *dv;
  CameoPisaStrides gradient;  // of dq, dk and dv
  float* workspace;
};

/// In floats. 0 where there are no kernels for such heads or for the current device.
int64_t cameoPisaForwardWorkspace(const CameoPisaProblem* problem);
int64_t cameoPisaBackwardWorkspace(const CameoPisaProblem* problem);

/// Start the kernels on `stream`, a cudaStream_t of the current device. 0, or the number of CUDA's error.
int cameoPisaForward(const CameoPisaProblem* problem, const CameoPisaForward* tensors, void* stream);
int cameoPisaBackward(const CameoPisaProblem* problem, const CameoPisaBackward* tensors, void* stream);
}
