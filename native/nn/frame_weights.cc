#include "nn/frame_weights.h"

#include <algorithm>
#include <cmath>

namespace cameo::nn {

namespace {

double weight(FrameWeights weights, int64_t length, int64_t frame) {
  const auto from_end = static_cast<double>(std::min(frame + 1, length - frame));
  switch (weights) {
    case FrameWeights::Flat:
      return 1;
    case FrameWeights::Pyramid:
      return from_end;
    case FrameWeights::Sawtooth:
      return frame < (length - 1) / 2 ? 0.01 : from_end;
    case FrameWeights::Relative: {
      const double reach = (static_cast<double>(length - 1) + 0.01) / 2;
      const double from_middle = std::abs(static_cast<double>(frame) - static_cast<double>(length - 1) / 2);
      return std::max(0.01, 1 - from_middle / reach);
    }
  }
  return 1;
}

}  // namespace

std::vector<double> frameWeights(FrameWeights weights, int64_t length) {
  std::vector<double> result;
  for (int64_t frame = 0; frame < length; ++frame) result.push_back(weight(weights, length, frame));
  return result;
}

}  // namespace cameo::nn
