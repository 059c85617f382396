#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "pipeline/denoiser.h"
#include "pipeline/request.h"

namespace cameo::pipeline {

/// The windows at `step`, as `framesOfWindows` lays them.
std::vector<FrameWindow> windowsOf(int64_t frames, const ContextWindows& context, int64_t step);

/// What `ofWindow` gives for each window, (branches, window's frames, ...), laid together for all `frames`:
/// the mean where windows overlap, their frames weighted by `weights`.
at::Tensor overWindows(const std::vector<FrameWindow>& windows, nn::FrameWeights weights, int64_t frames,
                       const std::function<at::Tensor(const FrameWindow&)>& ofWindow);

}  // namespace cameo::pipeline
