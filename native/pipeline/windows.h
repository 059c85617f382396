#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "pipeline/denoiser.h"
#include "pipeline/request.h"

namespace cameo::pipeline {

/// A film's latents in a row, and what stands before and after them in every window.
struct LatentRow {
  int64_t film;
  int64_t leading = 0, trailing = 0;

  int64_t count() const { return leading + film + trailing; }
};

/// The windows at `step`, as `framesOfWindows` lays them over the film's latents.
std::vector<FrameWindow> windowsOf(const LatentRow& row, const ContextWindows& context, int64_t step);

/// What `ofWindow` gives for each window, (branches, window's frames, ...), laid together for the whole row:
/// the mean where windows overlap, the film's frames weighted by `weights`.
at::Tensor overWindows(const std::vector<FrameWindow>& windows, nn::FrameWeights weights,
                       const LatentRow& row, const std::function<at::Tensor(const FrameWindow&)>& ofWindow);

}  // namespace cameo::pipeline
