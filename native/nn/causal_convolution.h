#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/parameters.h"

namespace cameo::nn {

/// What a causal convolution sees before a film's first frame.
enum class BeforeFilm { FirstFrame, Zeros };

/// What causal convolutions keep of a film that goes through them chunk by chunk: each the last frames that
/// it saw, in the order in which they compute.
class ChunkHistory {
 public:
  /// Whether no chunk has been through.
  bool isFirst() const { return is_first_; }
  /// Says that the next chunk is a film's last one, of which nothing has to be kept.
  void beginLast() { is_last_ = true; }
  /// Once a chunk has been through all layers.
  void endChunk();

  /// Fills the first `count` frames of x (T, ...) with the last ones of the chunk before, or where this
  /// convolution saw none with what is `before` the film, and keeps x's last ones.
  void fill(const at::Tensor& x, int64_t count, BeforeFilm before);
  /// In place of `fill`, of a convolution that doesn't see this chunk.
  void skip();

 private:
  bool is_first_ = true, is_last_ = false;
  size_t next_ = 0;
  at::Tensor& next();

  std::vector<at::Tensor> kept_;  // of each convolution
};

/// (T, C, H, W), channels-last, uninitialised.
at::Tensor emptyFrames(int64_t frames, int64_t channels, int64_t height, int64_t width,
                       const at::TensorOptions& options);

/// x (T + taps - 1, in, H, W), channels-last, with a kernel (out, in, taps, k, k), k odd, and as many
/// positions around as keep a frame's size -> (T, out, H, W), channels-last, in the form that takes the least
/// time.
at::Tensor convolveOverTime(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// A 3x3x3 convolution that sees a frame and the two before it.
class CausalConv3d {
 public:
  /// How many frames before a frame it sees.
  static constexpr int64_t kBefore = 2;

  CausalConv3d(const Scope& scope, int64_t in, int64_t out, BeforeFilm before = BeforeFilm::FirstFrame);
  /// Room for what `forward` takes of T frames: the frames themselves go to `kBefore` and on.
  static at::Tensor room(int64_t frames, int64_t channels, const at::Tensor& like);
  /// Where they go.
  static at::Tensor framesOf(const at::Tensor& room) {
    return room.narrow(0, kBefore, room.size(0) - kBefore);
  }

  /// A chunk's frames in such room -> (T, out, H, W).
  at::Tensor forward(const at::Tensor& room, ChunkHistory& history) const;
  /// Of the frames (T, in, H, W) themselves, which are copied.
  at::Tensor forwardCopied(const at::Tensor& frames, ChunkHistory& history) const;

 private:
  BeforeFilm before_;
  const Parameter& weight_;
  const Parameter& bias_;
};

}  // namespace cameo::nn
