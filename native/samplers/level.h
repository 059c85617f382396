#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace cameo::samplers {

/// How much of a sample is noise: x = signal * clean + noise * eps, eps standard normal. Samplers keep x on
/// one of three scales: signal^2 + noise^2 = 1 (variance preserving), signal = 1 (variance exploding) or
/// signal + noise = 1 (flow matching).
struct Level {
  double time = 0;  // as the network is told
  double signal = 1;
  double noise = 0;
};

/// sqrt(signal^2 + noise^2): what x is divided by to have variance 1; exactly 1 on the preserving scale.
double deviation(const Level& level);
/// log(signal / noise), half the logarithm of the signal-to-noise ratio; infinite without noise.
double logSnr(const Level& level);

/// What a network's output stands for.
enum class Prediction { Epsilon, VPrediction, Sample, Flow };

/// How a network's output is read.
struct Parameterization {
  Prediction prediction = Prediction::Epsilon;
  std::optional<double> clip = {};  // the clean sample is clamped to -clip..clip
};

/// What a sample is made of, whatever the network predicts.
struct Estimate {
  at::Tensor clean;
  at::Tensor noise;
};

/// `x` as the network was trained to see it: of variance 1, or as it is in flow matching.
at::Tensor networkInput(const Parameterization& parameterization, const at::Tensor& x, const Level& level);

/// The estimate for `x` at `level`, of the network's `output`; all of one shape, fp32.
Estimate estimate(const Parameterization& parameterization, const at::Tensor& x, const at::Tensor& output,
                  const Level& level);

/// signal * clean + noise * eps of `level`.
at::Tensor mix(const Estimate& estimate, const Level& level);

}  // namespace cameo::samplers
