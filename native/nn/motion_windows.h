#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "nn/frame_weights.h"

namespace cameo::nn {

/// FreeNoise (arXiv 2310.15169, section 3.2): attention over time within windows of the frames, whose results
/// are blended; all else of the network has all frames at once.
struct MotionWindows {
  int64_t length = 0;  // 0: attention is over all frames at once
  int64_t stride = 0;  // from one window's first frame to the next one's
  FrameWeights weights = FrameWeights::Pyramid;
};

/// What a window gives to the result: of its frame i, counted from `first`, shares[i] times what it computed.
struct WindowShares {
  int64_t first = 0;
  std::vector<double> shares;
};

/// The windows of `frames` frames, as diffusers lays and blends them. Every frame's shares add up to 1, but
/// for the n frames that the last window has alone where the stride doesn't lead to the end: diffusers
/// divides all of them by the weight of the first.
std::vector<WindowShares> sharesOf(int64_t frames, const MotionWindows& windows);

/// What `attend` makes of each window (N, length + R, C), blended to (N, F+R, C): x has F frames, then
/// `references` images, which stand at the end of every window and get the mean of what these make of them.
/// No more frames than a window has are given to `attend` as they are.
at::Tensor overMotionWindows(const at::Tensor& x, int64_t references, const MotionWindows& windows,
                             const std::function<at::Tensor(const at::Tensor&)>& attend);

}  // namespace cameo::nn
