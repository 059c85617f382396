#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether the functions below take these queries, keys and values (N, H, L, d): fp32, the last dimension
/// dense, on a CPU whose matrix kernel libtorch has.
bool attentionTakes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

struct Attended {
  at::Tensor out;          // (N, H, L, d); a view of (N, L, H, d)
  at::Tensor log_sum_exp;  // (N, H, L) of the scores q k^T / sqrt(d)
};

/// softmax(q k^T / sqrt(d)) v, block by block (arXiv 2205.14135). k and v may be of another length than q.
Attended attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

struct AttentionGradients {
  at::Tensor q, k, v;  // (N, H, L, d); views of (N, L, H, d)
};

/// From the result's gradient, with the probabilities computed again from `log_sum_exp`. The log-sum-exp and
/// the result may be of a softmax over more keys than k has.
AttentionGradients attentionBackward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                                     const at::Tensor& v, const at::Tensor& out,
                                     const at::Tensor& log_sum_exp);

}  // namespace cameo::cpu
