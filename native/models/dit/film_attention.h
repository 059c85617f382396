#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::models {

/// As `nn::attendRepeated`. bf16 on a CPU without a matrix unit is attended to in fp32, for which there is a
/// kernel that takes half the time of libtorch's; a sample at a time, so that the copies stay small.
at::Tensor attendToFilm(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t times = 1);

}  // namespace cameo::models
