#include "samplers/level.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace cameo::samplers {

double deviation(const Level& level) {
  const double exact = std::hypot(level.signal, level.noise);
  return std::abs(exact - 1) < 1e-7 ? 1 : exact;  // rounding of the two must not change x
}

double logSnr(const Level& level) {
  if (level.noise == 0) return std::numeric_limits<double>::infinity();
  return std::log(level.signal) - std::log(level.noise);
}

at::Tensor networkInput(const Parameterization& parameterization, const at::Tensor& x, const Level& level) {
  const double scale = deviation(level);
  return scale == 1 || parameterization.prediction == Prediction::Flow ? x : x / scale;
}

Estimate estimate(const Parameterization& parameterization, const at::Tensor& x, const at::Tensor& output,
                  const Level& level) {
  Estimate result{output, output};
  switch (parameterization.prediction) {
    case Prediction::Epsilon:
      result.clean = (x - level.noise * output) / level.signal;
      break;
    case Prediction::Sample:
      result.noise = (x - level.signal * output) / level.noise;
      break;
    case Prediction::VPrediction: {  // on the preserving scale, v = signal * eps - noise * clean
      const double scale = deviation(level), signal = level.signal / scale, noise = level.noise / scale;
      const at::Tensor preserving = scale == 1 ? x : x / scale;
      result.clean = signal * preserving - noise * output;
      result.noise = signal * output + noise * preserving;
      break;
    }
    case Prediction::Flow:  // v = eps - clean
      result.clean = x - level.noise * output;
      result.noise = x + level.signal * output;
      break;
  }
  if (const auto clip = parameterization.clip) result.clean = result.clean.clamp(-*clip, *clip);
  return result;
}

at::Tensor mix(const Estimate& estimate, const Level& level) {
  return level.signal * estimate.clean + level.noise * estimate.noise;
}

}  // namespace cameo::samplers
