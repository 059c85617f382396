#pragma once

#include <cstdint>
#include <vector>

#include "nn/frame_weights.h"

namespace cameo::pipeline {

/// How windows lie, one step after another.
enum class WindowSchedule {
  Standard,  // the same ones in every step, each after the other
  Uniform,   // shifted from step to step; those that would go past the last frame are moved back
  Looped,    // the same, but they go on with the first frame there
};

/// Windows of frames that are denoised one after another, for videos longer than the model's motion modules
/// reach.
struct ContextWindows {
  int64_t length = 0;  // 0: all frames at once
  int64_t overlap = 0;
  WindowSchedule schedule = WindowSchedule::Standard;
  int64_t strides = 1;  // of the others: windows of every frame, then of every 2nd, every 4th ..., so many
  nn::FrameWeights weights = nn::FrameWeights::Pyramid;
};

/// The frames of each window at `step`, counted from 0: ComfyUI-AnimateDiff-Evolved's windows, of which those
/// that would hold a frame twice are left out. Every frame is in one of them at least. No more frames than a
/// window is long are one window; looped ones of as many are rotated from step to step.
std::vector<std::vector<int64_t>> framesOfWindows(int64_t frames, const ContextWindows& context,
                                                  int64_t step);

}  // namespace cameo::pipeline
