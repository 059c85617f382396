#pragma once

#include "nn/attention.h"

namespace cameo::nn {

/// How the images of a batch belong together: every sample is `frames` video frames followed by `references`
/// reference images.
struct FrameLayout {
  int64_t frames = 1;
  int64_t references = 0;
  bool references_read_text = true;  // whether cross-attention is for the references, too

  int64_t images() const { return frames + references; }
};

/// Personalized Injection Self-Attention (VideoMaker, arXiv 2412.19645, section 3.2), before the output
/// projection. Frame i attends within X_i = [z_i; r_1; ...; r_R]; a reference's result is its mean over the F
/// sequences X_i. q, k, v (B, F+R, n, H*d) -> (B, F+R, n, H*d). Differentiable.
///
/// Equal to attention over the concatenated X_i, with nothing concatenated: softmax over a union of keys is
/// merged from softmaxes over its parts by their log-sum-exp, and the references' attention to one another,
/// the same in every X_i, is computed once. The backward pass recomputes probabilities from the merged
/// log-sum-exp; no attention matrix is stored.
at::Tensor pisaMerged(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      const FrameLayout& layout);

/// The same by building every X_i: the plain form that `pisaMerged` is checked against.
at::Tensor pisaConcatenated(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                            const FrameLayout& layout);

}  // namespace cameo::nn
