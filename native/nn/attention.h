#pragma once

#include "cpu/attention.h"
#include "nn/cross_sources.h"
#include "nn/layers.h"

namespace cameo::nn {

/// softmax(q k^T / sqrt(d)) v; q (N, H, L, d), k and v (N, H, S, d) -> (N, H, L, d). Any strides with a dense
/// last dimension.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal = false);

/// The result (N, H, L, d) and its log-sum-exp (N, H, L), fp32: log of the softmax's denominator.
using AttentionWithLogSumExp = cpu::Attended;
using cpu::AttentionGradients;

/// As `attend`, with what it takes to merge the result with that over other keys.
AttentionWithLogSumExp attendWithLogSumExp(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// Gradients of one block of a softmax over several blocks of keys: `out` and `log_sum_exp` are those of the
/// whole softmax, so that the block's probabilities are exp(q k^T / sqrt(d) - log_sum_exp). Shapes as in
/// `attendWithLogSumExp`. No attention matrix is stored.
AttentionGradients attendBackward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                                  const at::Tensor& v, const at::Tensor& out, const at::Tensor& log_sum_exp);

struct AttentionConfig {
  int64_t dim = 0;
  int64_t heads = 1;
  int64_t head_dim = 0;
  int64_t context_dim = 0;  // of keys and values; 0: self-attention
  bool qkv_bias = false;
};

/// (..., L, H*d) -> (..., H, L, d), a view.
at::Tensor splitHeads(const at::Tensor& x, int64_t heads);

/// (..., H, L, d) -> (..., L, H*d); free where x came from `splitHeads`' layout.
at::Tensor mergeHeads(const at::Tensor& x);

/// Multi-head attention with diffusers' parameter names (to_q, to_k, to_v, to_out.0).
class Attention {
 public:
  Attention(const Scope& scope, const AttentionConfig& config);

  /// x (N, L, dim) -> (N, L, dim), plus `added`, of that shape, where there is such a tensor.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& added = {}) const;
  /// The same of x (N, L, dim) to the keys and values of context (N, S, context_dim). With an image prompt,
  /// whose B divides N, attention to that is added before the output projection. With words, where N is B or
  /// B times the images, attention to these is blended with that to the context before; not differentiable.
  at::Tensor forwardTo(const at::Tensor& context, const at::Tensor& x, const at::Tensor& added = {},
                       const ImagePrompt* image = nullptr, const WordsOfLayer* words = nullptr) const;

  struct Projections {
    at::Tensor q, k, v;  // (..., L, H*d)
  };
  /// Of self-attention: by one matrix product where the three weights lie together (`ParameterSet::join`).
  Projections projections(const at::Tensor& x) const;
  at::Tensor project(const at::Tensor& x, const at::Tensor& added = {}) const {
    return to_out_.forward(x, added);
  }
  int64_t heads() const { return config_.heads; }

 private:
  /// (..., H, L, d)
  at::Tensor mixed(const Projections& projections) const;
  /// Blends what queries q (N, L, H*d) read of words into `read` (N, H, L, d).
  void blend(at::Tensor& read, const at::Tensor& q, const WordsOfLayer& words) const;

  AttentionConfig config_;
  Linear to_q_;
  Linear to_k_;
  Linear to_v_;
  Linear to_out_;
};

}  // namespace cameo::nn
