#include "pipeline/windows.h"

#include <ATen/ATen.h>

namespace cameo::pipeline {

namespace {

/// Of the frames of a window, (1, frames, 1, 1, 1); those that stand in every window count alike.
at::Tensor shares(nn::FrameWeights weights, const FrameWindow& window, const LatentRow& row,
                  const at::Tensor& like) {
  const int64_t film = window.count() - row.leading - row.trailing;
  at::Tensor all = at::ones({1, window.count(), 1, 1, 1}, like.options());
  all.narrow(1, row.leading, film)
      .copy_(at::tensor(nn::frameWeights(weights, film)).view({1, film, 1, 1, 1}));
  return all;
}

bool isWhole(const FrameWindow& window, const LatentRow& row) {
  return window.count() == row.count() && window.frames.front() == 0 && window.isConsecutive();
}

/// As `windowsOf` has it.
FrameWindow besideRow(const std::vector<int64_t>& film, const LatentRow& row) {
  FrameWindow window;
  for (int64_t i = 0; i < row.leading; ++i) window.frames.push_back(i);
  for (const int64_t frame : film) window.frames.push_back(row.leading + frame);
  for (int64_t i = 0; i < row.trailing; ++i) window.frames.push_back(row.leading + row.film + i);
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

std::vector<FrameWindow> windowsOf(const LatentRow& row, const ContextWindows& context, int64_t step) {
  std::vector<FrameWindow> windows;
  for (const auto& film : framesOfWindows(row.film, context, step)) windows.push_back(besideRow(film, row));
  return windows;
}

at::Tensor overWindows(const std::vector<FrameWindow>& windows, nn::FrameWeights weights,
                       const LatentRow& row, const std::function<at::Tensor(const FrameWindow&)>& ofWindow) {
  if (windows.size() == 1 && isWhole(windows.front(), row)) return ofWindow(windows.front());
  at::Tensor sum, total;
  for (const FrameWindow& window : windows) {
    const at::Tensor part = ofWindow(window), weight = shares(weights, window, row, part);
    if (!sum.defined()) {
      std::vector<int64_t> shape = part.sizes().vec();
      shape[1] = row.count();
      sum = at::zeros(shape, part.options());
      total = at::zeros({1, row.count(), 1, 1, 1}, part.options());
    }
    const at::Tensor places = at::tensor(window.frames, at::kLong).to(part.device());
    sum.index_add_(1, places, weight * part);
    total.index_add_(1, places, weight);
  }
  return sum.div_(total);
}

}  // namespace cameo::pipeline
