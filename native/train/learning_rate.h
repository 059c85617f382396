#pragma once

#include <cstdint>

namespace cameo::train {

struct LearningRateConfig {
  double peak = 1e-5;
  int64_t warmup = 0;       // steps over which it rises linearly; the first step has peak / warmup
  bool cosine = false;      // after the warm-up: falls to `last` along half a cosine; else it stays
  double last = 0;          // reached after the last step
  int64_t total_steps = 1;  // of the whole run
};

/// The learning rate of the step after `steps` of them.
double learningRate(const LearningRateConfig& config, int64_t steps);

}  // namespace cameo::train
