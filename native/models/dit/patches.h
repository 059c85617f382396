#pragma once

#include <ATen/core/Tensor.h>

#include "nn/layers.h"

namespace cameo::models {

/// Limits of what a config may say of the films that a model was trained on: latents each way, and frames.
constexpr int64_t kMostSampleSide = 4096, kMostSampleFrames = 4096;

/// How many latents one token stands for, along each axis.
struct PatchSize {
  int64_t frames = 1;
  int64_t side = 2;

  int64_t latents() const { return frames * side * side; }
};

/// How many tokens a film has along each axis.
struct TokenGrid {
  int64_t frames, height, width;

  int64_t tokens() const { return frames * height * width; }
};

/// Of latents of F frames, all of which `patch` divides.
TokenGrid tokenGrid(const PatchSize& patch, int64_t frames, int64_t height, int64_t width);

/// Latents (B, F, C, h, w) -> tokens (B, L, C * patch's latents), in each the channels first, then time.
at::Tensor toPatches(const at::Tensor& latents, const PatchSize& patch);

/// What `toPatches` does, undone.
at::Tensor fromPatches(const at::Tensor& tokens, const PatchSize& patch, const TokenGrid& grid);

/// Patches times a matrix, which files may hold as a convolution's kernel.
class PatchEmbedding {
 public:
  enum class Stored { Matrix, Kernel2d, Kernel3d };
  struct Config {
    PatchSize patch;
    int64_t channels = 0;
    int64_t dim = 0;
    Stored stored = Stored::Kernel2d;  // in two dimensions where a patch has one frame
    bool bias = true;
  };

  PatchEmbedding(const Scope& scope, const Config& config);
  /// Latents (B, F, C, h, w) -> (B, L, dim).
  at::Tensor forward(const at::Tensor& latents) const;

 private:
  PatchSize patch_;
  const Parameter& weight_;
  const Parameter* bias_;  // null without one
};

}  // namespace cameo::models
