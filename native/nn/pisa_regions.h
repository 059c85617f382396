#pragma once

#include "nn/pisa.h"

namespace cameo::nn {

/// `pisaMerged` where references have listeners or strengths (`layout.regions` is there). Positions of a
/// region are gathered, so that what is not seen is not computed. Differentiable.
at::Tensor pisaInRegions(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                         const FrameLayout& layout);

}  // namespace cameo::nn
