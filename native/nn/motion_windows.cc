#include "nn/motion_windows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace cameo::nn {

std::vector<WindowShares> sharesOf(int64_t frames, const MotionWindows& windows) {
  const std::vector<double> weights = frameWeights(windows.weights, windows.length);
  std::vector<WindowShares> result;
  std::vector<double> totals(frames);
  int64_t first = 0;
  for (; first + windows.length <= frames; first += windows.stride) {
    result.push_back({first, weights});
    for (int64_t i = 0; i < windows.length; ++i) totals[first + i] += weights[i];
  }
  const int64_t covered = first - windows.stride + windows.length;
  if (covered < frames) {
    const int64_t known = windows.length - (frames - covered);
    WindowShares last{frames - windows.length, weights};
    std::fill_n(last.shares.begin(), known, 0);
    std::fill(totals.begin() + covered, totals.end(), weights[known]);
    result.push_back(std::move(last));
  }
  for (WindowShares& window : result) {
    for (int64_t i = 0; i < windows.length; ++i) window.shares[i] /= totals[window.first + i];
  }
  return result;
}

at::Tensor overMotionWindows(const at::Tensor& x, int64_t references, const MotionWindows& windows,
                             const std::function<at::Tensor(const at::Tensor&)>& attend) {
  const int64_t frames = x.size(1) - references;
  if (windows.length == 0 || frames <= windows.length) return attend(x);
  const std::vector<WindowShares> all = sharesOf(frames, windows);
  const at::Tensor reference_images = x.narrow(1, frames, references);
  at::Tensor result = at::zeros_like(x);
  for (const auto& [first, shares] : all) {
    const at::Tensor window = x.narrow(1, first, windows.length);
    const at::Tensor attended =
        attend(references == 0 ? window.contiguous() : at::cat({window, reference_images}, 1));
    const at::Tensor share = at::tensor(shares, at::kDouble).to(x.options()).view({1, -1, 1});
    result.narrow(1, first, windows.length).addcmul_(attended.narrow(1, 0, windows.length), share);
    if (references == 0) continue;
    result.narrow(1, frames, references)
        .add_(attended.narrow(1, windows.length, references), 1.0 / static_cast<double>(all.size()));
  }
  return result;
}

}  // namespace cameo::nn
