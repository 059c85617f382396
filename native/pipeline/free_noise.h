#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cameo::pipeline {

/// FreeNoise's noise (arXiv 2310.15169, section 3.1): the frames of `noise` (F, C, h, w) after the first
/// `length` are earlier ones in another order, `stride` at a time, shuffled by `generator` as diffusers does
/// it.
at::Tensor shuffleFrames(const at::Tensor& noise, int64_t length, int64_t stride, at::Generator generator);

/// The frames of `noise` (n, C, h, w) again and again, `frames` in all.
at::Tensor repeatFrames(const at::Tensor& noise, int64_t frames);

}  // namespace cameo::pipeline
