#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "pipeline/denoiser.h"
#include "pipeline/request.h"

namespace cameo::pipeline {

/// The windows that cover `frames`: all in one where there is no context or no more frames than it is long;
/// else each begins where the one before has only `overlap` frames left, and the last one ends with the last
/// frame.
std::vector<FrameWindow> windowsOf(int64_t frames, const ContextWindows& context);

/// What `ofWindow` gives for each window, (branches, window's frames, ...), laid together for all `frames`:
/// the mean where windows overlap, a frame counting the more the further it is from a window's ends.
at::Tensor overWindows(const std::vector<FrameWindow>& windows, int64_t frames,
                       const std::function<at::Tensor(const FrameWindow&)>& ofWindow);

}  // namespace cameo::pipeline
