#include "pipeline/windows.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::pipeline {

namespace {

/// 1, 2, ..., 2, 1 for the frames of a window, (1, frames, 1, 1, 1).
at::Tensor shares(int64_t frames, const at::Tensor& like) {
  const at::Tensor from_start = at::arange(1, frames + 1, like.options());
  return at::minimum(from_start, from_start.flip(0)).view({1, frames, 1, 1, 1});
}

}  // namespace

std::vector<FrameWindow> windowsOf(int64_t frames, const ContextWindows& context) {
  if (context.length == 0 || frames <= context.length) return {{0, frames}};
  std::vector<FrameWindow> windows;
  const int64_t stride = context.length - context.overlap;
  for (int64_t first = 0;; first += stride) {
    windows.push_back({std::min(first, frames - context.length), context.length});
    if (first + context.length >= frames) return windows;
  }
}

at::Tensor overWindows(const std::vector<FrameWindow>& windows,
                       const std::function<at::Tensor(const FrameWindow&)>& ofWindow) {
  if (windows.size() == 1) return ofWindow(windows.front());
  at::Tensor sum, total;
  const FrameWindow& last = windows.back();
  for (const FrameWindow& window : windows) {
    const at::Tensor part = ofWindow(window), weight = shares(window.count, part);
    if (!sum.defined()) {
      std::vector<int64_t> shape = part.sizes().vec();
      shape[1] = last.first + last.count;
      sum = at::zeros(shape, part.options());
      total = at::zeros({1, shape[1], 1, 1, 1}, part.options());
    }
    sum.narrow(1, window.first, window.count).add_(weight * part);
    total.narrow(1, window.first, window.count).add_(weight);
  }
  return sum / total;
}

}  // namespace cameo::pipeline
