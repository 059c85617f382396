#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::nn {

/// As `attend`, where the last key and its value stand for `times` equal ones, as a padded text's end does:
/// softmax of the scores with log(times) added to the last one's.
at::Tensor attendRepeated(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t times);

/// How many rows at the end of x (T, S, ...) equal the last one, in each of the T alike; at least 1.
int64_t equalRowsAtEnd(const at::Tensor& x);

}  // namespace cameo::nn
