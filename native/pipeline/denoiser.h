#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::pipeline {

/// Some of a video's frames, one after the other.
struct FrameWindow {
  int64_t first = 0;
  int64_t count = 0;
};

/// A model with one request's conditions. Its branches are ways of conditioning it, from the least conditions
/// (none, or the negative prompt) to all of them; guidance leads along them.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  virtual int64_t branches() const = 0;

  /// Called once at each level, before what follows: the latents (1, F, C, h, w) of all frames, of variance 1
  /// as the network was trained, of which the last `count` branches will be asked.
  virtual void begin(const at::Tensor& latents, double time, int64_t count) = 0;

  /// What the network takes for some frames: (count, window's frames + R, C', h, w), fp32, the frames first.
  virtual at::Tensor input(const FrameWindow& window) = 0;

  /// The network's output, fp32, for the rows of such an input that belong to the branches from `first` on.
  virtual at::Tensor evaluate(const at::Tensor& input, const FrameWindow& window, int64_t first) = 0;
};

}  // namespace cameo::pipeline
