#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::samplers {

/// Noise whose frames follow from one another: each is `correlation` of the one before and
/// sqrt(1 - correlation^2) of its own, so that all stay standard normal. This is the progressive noise of
/// PYoCo (arXiv 2305.10474, equation 6) with correlation = alpha / sqrt(1 + alpha^2). `noise`: (frames, ...),
/// independent numbers; `correlation`: 0, which changes nothing, to 1.
at::Tensor correlateFrames(const at::Tensor& noise, double correlation);

/// The same for a film that begins anew after its last frame, which the first one then follows from, too:
/// frames that lie d apart, the shorter way around, are correlated by correlation^d.
at::Tensor correlateLoop(const at::Tensor& noise, double correlation);

}  // namespace cameo::samplers
