#pragma once

#include <cstdint>

namespace cameo::train {

/// What the timestep that was drawn of `count` stands for where noisier ones are to be drawn more often, or
/// less noisy ones by a shift below 1: s t / (1 + (s - 1) t) for t in (0, 1), Stable Diffusion 3's (arXiv
/// 2403.03206, equation 23). Increasing, from 0 to `count` - 1; a shift of 1 changes nothing.
int64_t shiftTimestep(int64_t drawn, int64_t count, double shift);

}  // namespace cameo::train
