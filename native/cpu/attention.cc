#include "cpu/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cpu/attention_backward.h"
#include "cpu/attention_forward.h"
#include "cpu/matrix.h"
#include "cpu/matrix_unit.h"
#include "cpu/pieces.h"

namespace cameo::cpu {

namespace {

/// As the kernels want it: rows that don't overlap, whose numbers are dense.
at::Tensor dense(const at::Tensor& x) {
  return x.stride(3) == 1 && x.stride(2) >= x.size(3) ? x : x.contiguous();
}

/// (N, H, L, d) like x's, laid out as (N, L, H, d).
at::Tensor emptyLike(const at::Tensor& x) {
  return at::empty({x.size(0), x.size(2), x.size(1), x.size(3)}, x.options()).transpose(1, 2);
}

#if CAMEO_CPU_KERNELS

/// Calls `each(n, h, part, buffers)` for all `parts` of all heads, on all threads, each with buffers of its
/// own for the `job`.
template <typename Job, typename Each>
void forEachHead(const at::Tensor& q, int64_t parts, const Job& job, const Each& each) {
  using Buffers = typename Job::Buffers;
  const int64_t heads = q.size(1);
  Pieces pieces;
  const Buffers counted(job, &pieces);
  const ThreadScratch scratch(pieces.taken());
  forEachPiece(q.size(0) * heads * parts, 1, [&](int64_t begin, int64_t end) {
    Pieces mine(scratch.mine());
    const Buffers buffers(job, &mine);
    for (int64_t i = begin; i < end; ++i) each(i / parts / heads, i / parts % heads, i % parts, buffers);
    Job::Operands::release();
  });
}

/// Into how many parts a head's queries are cut, so that a few long heads, as a VAE's, give every thread some
/// pieces.
int64_t partsOf(const at::Tensor& q) {
  const int64_t heads = q.size(0) * q.size(1), pieces = 4 * at::get_num_threads();
  return std::min((pieces + heads - 1) / heads, (q.size(2) + kScoreRows - 1) / kScoreRows);
}

/// Calls `run` with the operands for such tensors.
template <typename Run>
void withOperands(const at::Tensor& q, bool matrix_unit, const Run& run) {
  if (q.scalar_type() == at::kBFloat16) {
    run(Halves<Half, 1>());
  } else if (matrix_unit) {
    run(Halves<float, kFloatParts>());
  } else {
    run(Floats());
  }
}

template <typename Operands>
void attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Attended& result) {
  using Value = typename Operands::Value;
  const int64_t d = q.size(3), length = q.size(2), parts = partsOf(q);
  const int64_t blocks = (length + kScoreRows - 1) / kScoreRows;
  const Forward<Operands> job{k.size(2), d, std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(d))};
  float* lse = result.log_sum_exp.template mutable_data_ptr<float>();
  forEachHead(q, parts, job, [&](int64_t n, int64_t h, int64_t part, const auto& buffers) {
    const int64_t begin = part * blocks / parts * kScoreRows;
    const int64_t end = std::min(length, (part + 1) * blocks / parts * kScoreRows);
    job.run(begin, end, {{q, n, h}, {k, n, h}, {v, n, h}}, Head<Value>(result.out, n, h),
            lse + (n * q.size(1) + h) * length, buffers);
  });
}

template <typename Operands>
void differentiate(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& grad,
                   const at::Tensor& out, const at::Tensor& log_sum_exp, const AttentionGradients& result) {
  const int64_t d = q.size(3), length = q.size(2);
  const Backward<Operands> job{length, k.size(2), d, 1 / std::sqrt(static_cast<float>(d))};
  const float* lse = log_sum_exp.template const_data_ptr<float>();
  forEachHead(q, 1, job, [&](int64_t n, int64_t h, int64_t, const auto& buffers) {
    job.run({{q, n, h}, {k, n, h}, {v, n, h}, {grad, n, h}, {out, n, h}, lse + (n * q.size(1) + h) * length},
            {{result.q, n, h}, {result.k, n, h}, {result.v, n, h}}, buffers);
  });
}

#endif

}  // namespace

bool attentionTakes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
#if CAMEO_CPU_KERNELS
  const auto kind = q.scalar_type();
  const bool known = kind == at::kFloat ? hasMatrixKernel() : kind == at::kBFloat16 && hasMatrixUnit();
  const auto fits = [&](const at::Tensor& x) {
    return x.is_cpu() && x.scalar_type() == kind && x.dim() == 4 && x.numel() > 0;
  };
  return known && fits(q) && fits(k) && fits(v);
#else
  return false;
#endif
}

bool attentionUsesMatrixUnit(const at::Tensor& k) {
  constexpr int64_t least_keys = 64;  // of fp32
  return hasMatrixUnit() && (k.scalar_type() == at::kBFloat16 || k.size(2) >= least_keys);
}

Attended attention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                   bool matrix_unit) {
  const at::Tensor q = dense(queries), k = dense(keys), v = dense(values);
  const Attended result{emptyLike(q),
                        at::empty({q.size(0), q.size(1), q.size(2)}, q.options().dtype(at::kFloat))};
#if CAMEO_CPU_KERNELS
  withOperands(q, matrix_unit, [&]<typename Operands>(Operands) { attend<Operands>(q, k, v, result); });
#endif
  return result;
}

AttentionGradients attentionBackward(const at::Tensor& grad_out, const at::Tensor& queries,
                                     const at::Tensor& keys, const at::Tensor& values, const at::Tensor& out,
                                     const at::Tensor& log_sum_exp, bool matrix_unit) {
  const at::Tensor q = dense(queries), k = dense(keys), v = dense(values), grad = dense(grad_out),
                   o = dense(out), lse = log_sum_exp.contiguous();
  const AttentionGradients result{emptyLike(q), emptyLike(k), emptyLike(v)};
#if CAMEO_CPU_KERNELS
  withOperands(q, matrix_unit,
               [&]<typename Operands>(Operands) { differentiate<Operands>(q, k, v, grad, o, lse, result); });
#endif
  return result;
}

}  // namespace cameo::cpu
