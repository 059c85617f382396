#pragma once

#include <cstdint>
#include <vector>

namespace cameo::nn {

/// How much each frame of a window counts where windows overlap.
enum class FrameWeights {
  Flat,      // 1, 1, 1, 1, 1
  Pyramid,   // 1, 2, 3, 2, 1
  Relative,  // falls in a straight line from the middle to almost nothing
  Sawtooth,  // 0.01, 0.01, 3, 2, 1: what a window says of its second half
};

/// Of a window's `length` frames; all are above 0.
std::vector<double> frameWeights(FrameWeights weights, int64_t length);

}  // namespace cameo::nn
