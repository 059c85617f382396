#pragma once

#include "nn/attention.h"
#include "nn/regions.h"

namespace cameo::nn {

/// How the images of a batch belong together: every sample is `frames` video frames followed by `references`
/// reference images.
struct FrameLayout {
  int64_t frames = 1;
  int64_t references = 0;
  bool references_read_text = true;  // whether cross-attention is for the references, too
  // Null: all positions and references listen to one another.
  std::shared_ptr<const LayerRegions> regions = nullptr;
  std::vector<double> strengths = {};  // of each reference as frames see it; empty: 1. Goes with `regions`

  int64_t images() const { return frames + references; }
  double strengthOf(int64_t reference) const { return strengths.empty() ? 1 : strengths[reference]; }
  /// Whether all positions and references listen to one another, with strength 1.
  bool isUniform() const;
};

/// Personalized Injection Self-Attention (VideoMaker, arXiv 2412.19645, section 3.2), before the output
/// projection. Frame i attends within X_i = [z_i; r_1; ...; r_R]; a reference's result is its mean over the F
/// sequences X_i. q, k, v (B, F+R, n, H*d) -> (B, F+R, n, H*d). Differentiable.
///
/// With `layout.regions` a position has the references' keys of those subjects alone whose regions it is in,
/// and a reference has, in X_i, its own subject's references and the positions of frame i in its region. A
/// frame without such positions counts in the mean, too. A reference's strength multiplies its keys'
/// exponentials for queries of frames; the references' own queries see each other as before.
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

/// What is added to the scores of every X_i so that nothing is seen that should not be: (F, n+R*n, n+R*n),
/// fp32; undefined where all is seen.
at::Tensor pisaBias(const FrameLayout& layout);
/// `pisaConcatenated` with that tensor, for callers who keep it.
at::Tensor pisaBiased(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      const FrameLayout& layout, const at::Tensor& bias);

}  // namespace cameo::nn
