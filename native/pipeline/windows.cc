#include "pipeline/windows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace cameo::pipeline {

namespace {

/// 1, 2, ..., 2, 1 for the frames of a window, (1, frames, 1, 1, 1).
at::Tensor shares(int64_t frames, const at::Tensor& like) {
  const at::Tensor from_start = at::arange(1, frames + 1, like.options());
  return at::minimum(from_start, from_start.flip(0)).view({1, frames, 1, 1, 1});
}

FrameWindow consecutive(int64_t first, int64_t count) {
  FrameWindow window{std::vector<int64_t>(count)};
  std::iota(window.frames.begin(), window.frames.end(), first);
  return window;
}

}  // namespace

bool FrameWindow::isConsecutive() const {
  for (size_t i = 1; i < frames.size(); ++i) {
    if (frames[i] != frames[i - 1] + 1) return false;
  }
  return true;
}

at::Tensor FrameWindow::of(const at::Tensor& all, int64_t dim) const {
  if (isConsecutive()) return all.narrow(dim, frames.front(), count());
  return all.index_select(dim, at::tensor(frames, at::kLong).to(all.device()));
}

std::vector<FrameWindow> windowsOf(int64_t frames, const ContextWindows& context) {
  if (context.length == 0 || frames <= context.length) return {consecutive(0, frames)};
  std::vector<FrameWindow> windows;
  const int64_t stride = context.length - context.overlap;
  for (int64_t first = 0;; first += stride) {
    windows.push_back(consecutive(std::min(first, frames - context.length), context.length));
    if (first + context.length >= frames) return windows;
  }
}

at::Tensor overWindows(const std::vector<FrameWindow>& windows, int64_t frames,
                       const std::function<at::Tensor(const FrameWindow&)>& ofWindow) {
  if (windows.size() == 1) return ofWindow(windows.front());
  at::Tensor sum, total;
  for (const FrameWindow& window : windows) {
    const at::Tensor part = ofWindow(window), weight = shares(window.count(), part);
    if (!sum.defined()) {
      std::vector<int64_t> shape = part.sizes().vec();
      shape[1] = frames;
      sum = at::zeros(shape, part.options());
      total = at::zeros({1, frames, 1, 1, 1}, part.options());
    }
    const at::Tensor places = at::tensor(window.frames, at::kLong).to(part.device());
    sum.index_add_(1, places, weight * part);
    total.index_add_(1, places, weight);
  }
  return sum / total;
}

}  // namespace cameo::pipeline
