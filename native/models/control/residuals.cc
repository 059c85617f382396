#include "models/control/residuals.h"

#include <ATen/ATen.h>

namespace cameo::models {

void ControlResiduals::add(const ControlResiduals& others) {
  if (empty()) {
    *this = others;
    return;
  }
  for (size_t i = 0; i < skips.size(); ++i) skips[i] = skips[i] + others.skips[i];
  if (mid.defined()) mid = mid + others.mid;
}

}  // namespace cameo::models
