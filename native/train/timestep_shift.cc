#include "train/timestep_shift.h"

#include <algorithm>

namespace cameo::train {

int64_t shiftTimestep(int64_t drawn, int64_t count, double shift) {
  const double t = (static_cast<double>(drawn) + 0.5) / static_cast<double>(count);  // its middle
  const double shifted = shift * t / (1 + (shift - 1) * t);
  return std::min(static_cast<int64_t>(shifted * static_cast<double>(count)), count - 1);
}

}  // namespace cameo::train
