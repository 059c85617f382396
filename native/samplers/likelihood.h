#pragma once

#include "samplers/runge_kutta.h"
#include "samplers/sampler.h"

namespace cameo::samplers {

/// The logarithm of the density that the probability flow gives to `clean` (B, ...): (B), in nats (arXiv
/// 2011.13456, equation 39). `model` must be differentiable; it is asked on the exploding scale. Between
/// `smallest` and `largest` sigma; the divergence is Hutchinson's estimate along `probes`, each of clean's
/// shape with numbers of mean 0 and variance 1, exact on average.
at::Tensor logLikelihood(const at::Tensor& clean, const Model& model, const NoiseSchedule& schedule,
                         const std::vector<at::Tensor>& probes, Tolerance tolerance);

}  // namespace cameo::samplers
