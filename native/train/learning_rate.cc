#include "train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cameo::train {

double learningRate(const LearningRateConfig& config, int64_t steps) {
  if (steps < config.warmup) {
    return config.peak * static_cast<double>(steps + 1) / static_cast<double>(config.warmup);
  }
  if (!config.cosine) return config.peak;
  const auto length = static_cast<double>(std::max<int64_t>(1, config.total_steps - config.warmup));
  const double progress = std::min(1.0, static_cast<double>(steps - config.warmup) / length);
  return config.last + (config.peak - config.last) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace cameo::train
