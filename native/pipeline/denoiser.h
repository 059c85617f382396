#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace cameo::pipeline {

/// Some of a video's frames, in the order in which the network sees them.
struct FrameWindow {
  std::vector<int64_t> frames;

  int64_t count() const { return static_cast<int64_t>(frames.size()); }
  bool isConsecutive() const;
  /// Those frames of a tensor that has them all along `dim`; a view where they are consecutive.
  at::Tensor of(const at::Tensor& all, int64_t dim) const;
  bool operator==(const FrameWindow&) const = default;
};

/// A place on a request's way from noise to a sample.
struct Moment {
  double time = 0;    // as the network is told
  int64_t step = 0;   // counted from 0, of
  int64_t steps = 1;  // those that are done

  /// How much of the way lies behind, 0 to 1.
  double progress() const { return static_cast<double>(step) / static_cast<double>(steps); }
};

/// From one of a denoiser's branches to the next, how far guidance goes: 1 is no further than that next one.
struct GuidanceScale {
  double first;  // at a film's first frame, from where it goes evenly to
  double last;   // its last one
  GuidanceScale(double all) : first(all), last(all) {}
  GuidanceScale(double first, double last) : first(first), last(last) {}
};

/// A model with one request's conditions. Its branches are ways of conditioning it, from the least conditions
/// (none, or the negative prompt) to all of them; guidance leads along them.
class Denoiser {
 public:
  virtual ~Denoiser() = default;

  virtual int64_t branches() const = 0;

  /// Called once at each evaluation, before what follows: the latents (1, F, C, h, w) of all frames, of
  /// variance 1 as the network was trained, of which the last `count` branches will be asked.
  virtual void begin(const at::Tensor& latents, const Moment& moment, int64_t count) = 0;

  /// What the network takes for some frames: (count, window's frames + R, C', h, w), fp32, the frames first.
  virtual at::Tensor input(const FrameWindow& window) = 0;

  /// The network's output, fp32, for the rows of such an input that belong to the branches from `first` on.
  virtual at::Tensor evaluate(const at::Tensor& input, const FrameWindow& window, int64_t first) = 0;
};

}  // namespace cameo::pipeline
