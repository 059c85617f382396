#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether the functions below take these queries, keys and values (N, H, L, d): fp32, the last dimension
/// dense, on a CPU whose matrix kernel libtorch has; or bf16, on one with AMX.
bool attentionTakes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// Whether products are left to the matrix unit for bf16: those of bf16, and of fp32 where there are so many
/// keys that taking numbers apart pays. fp32's error is then some 2e-5 of the largest value, otherwise 1e-6.
bool attentionUsesMatrixUnit(const at::Tensor& k);

struct Attended {
  at::Tensor out;          // (N, H, L, d); a view of (N, L, H, d)
  at::Tensor log_sum_exp;  // (N, H, L) of the scores q k^T / sqrt(d), fp32
};

/// softmax(q k^T / sqrt(d)) v, block by block (arXiv 2205.14135). k and v may be of another length than q.
Attended attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool matrix_unit);

struct AttentionGradients {
  at::Tensor q, k, v;  // (N, H, L, d); views of (N, L, H, d)
};

/// From the result's gradient, with the probabilities computed again from `log_sum_exp`. The log-sum-exp and
/// the result may be of a softmax over more keys than k has.
AttentionGradients attentionBackward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                                     const at::Tensor& v, const at::Tensor& out,
                                     const at::Tensor& log_sum_exp, bool matrix_unit);

}  // namespace cameo::cpu
