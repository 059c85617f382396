#include "pipeline/windows.h"

#include <ATen/ATen.h>

#include <utility>

namespace cameo::pipeline {

namespace {

/// Of the frames of a window, (1, frames, 1, 1, 1).
at::Tensor shares(nn::FrameWeights weights, int64_t frames, const at::Tensor& like) {
  return at::tensor(nn::frameWeights(weights, frames), like.options()).view({1, frames, 1, 1, 1});
}

bool isWhole(const FrameWindow& window, int64_t frames) {
  return window.count() == frames && window.frames.front() == 0 && window.isConsecutive();
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

std::vector<FrameWindow> windowsOf(int64_t frames, const ContextWindows& context, int64_t step) {
  std::vector<FrameWindow> windows;
  for (auto& window : framesOfWindows(frames, context, step)) windows.push_back({std::move(window)});
  return windows;
}

at::Tensor overWindows(const std::vector<FrameWindow>& windows, nn::FrameWeights weights, int64_t frames,
                       const std::function<at::Tensor(const FrameWindow&)>& ofWindow) {
  if (windows.size() == 1 && isWhole(windows.front(), frames)) return ofWindow(windows.front());
  at::Tensor sum, total;
  for (const FrameWindow& window : windows) {
    const at::Tensor part = ofWindow(window), weight = shares(weights, window.count(), part);
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
  return sum.div_(total);
}

}  // namespace cameo::pipeline
