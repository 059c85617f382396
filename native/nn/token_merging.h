#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::nn {

/// Joins an image's tokens that are alike, so that attention has fewer of them (token merging for Stable
/// Diffusion, arXiv 2303.17604). Of every 2x2 cell the first token stays; of the others those join that are
/// most like one that stays, by the cosine.
class TokenMerging {
 public:
  /// Chooses by x (N, height*width, C). `ratio`, 0 to 0.75, of the tokens join another one; only whole cells
  /// have a token that others can join.
  TokenMerging(const at::Tensor& x, int64_t height, int64_t width, double ratio);

  /// (N, height*width, C) -> (N, fewer, C): tokens that were joined become their mean.
  at::Tensor merge(const at::Tensor& x) const;

  /// (N, fewer, C) -> (N, height*width, C): tokens that were joined get the same result.
  at::Tensor spread(const at::Tensor& merged) const;

 private:
  at::Tensor group_;   // (N, height*width): the merged token that each token is part of
  at::Tensor counts_;  // (N, fewer, 1): how many tokens each merged one has
};

}  // namespace cameo::nn
