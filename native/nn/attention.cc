#include "nn/attention.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "core/device.h"
#include "cpu/attention.h"
#include "nn/affine.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

// The GPU kernels read 16 bytes at a time: head sizes are padded to a multiple of 8 with zeros, which change
// neither the scores nor the values that are kept.
constexpr int64_t kHeadAlignment = 8;

at::Tensor padHead(const at::Tensor& x) {
  const int64_t rest = x.size(-1) % kHeadAlignment;
  return rest == 0 ? x : at::constant_pad_nd(x, {0, kHeadAlignment - rest});
}

/// Which of libtorch's kernels computes attention on a GPU, and in which type. Flash attention is for 16 bits
/// and compute capability 8.0; before that the other one has fp16 and no bf16.
struct CudaAttention {
  bool is_flash;
  at::ScalarType type;

  explicit CudaAttention(const at::Tensor& q)
      : is_flash(q.scalar_type() != at::kFloat && isAmpereOrNewer(q.device())),
        type(!is_flash && q.scalar_type() == at::kBFloat16 ? at::kFloat : q.scalar_type()) {}

  at::Tensor prepared(const at::Tensor& x) const { return padHead(x.to(type)); }
};

AttentionWithLogSumExp attendOnCuda(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const int64_t head_dim = q.size(-1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  const CudaAttention kernel(q);
  const at::Tensor qp = kernel.prepared(q), kp = kernel.prepared(k), vp = kernel.prepared(v);
  at::Tensor out, log_sum_exp;
  if (!kernel.is_flash) {
    std::tie(out, log_sum_exp, std::ignore, std::ignore) = at::_scaled_dot_product_efficient_attention(
        qp, kp, vp, /*attn_bias=*/std::nullopt, /*compute_log_sumexp=*/true, 0.0, false, scale);
    log_sum_exp = log_sum_exp.narrow(2, 0, q.size(2));  // this kernel pads its rows
  } else {
    const auto result = at::_scaled_dot_product_flash_attention(qp, kp, vp, 0.0, false, false, scale);
    out = std::get<0>(result);
    log_sum_exp = std::get<1>(result);
  }
  return {out.narrow(-1, 0, head_dim).to(q.scalar_type()), log_sum_exp};
}

AttentionGradients backwardOnCuda(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                                  const at::Tensor& v, const at::Tensor& out, const at::Tensor& log_sum_exp) {
  const int64_t head_dim = q.size(-1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  const CudaAttention kernel(q);
  const at::Tensor gp = kernel.prepared(grad_out), qp = kernel.prepared(q), kp = kernel.prepared(k),
                   vp = kernel.prepared(v), op = kernel.prepared(out);
  const at::Tensor seed = at::zeros({2}, q.options().dtype(at::kLong)), offset = seed.slice(0, 0, 1);
  at::Tensor dq, dk, dv;
  if (!kernel.is_flash) {
    const int64_t rest = log_sum_exp.size(2) % 32;
    const at::Tensor padded =
        rest == 0 ? log_sum_exp
                  : at::constant_pad_nd(log_sum_exp, {0, 32 - rest}, std::numeric_limits<double>::infinity());
    std::tie(dq, dk, dv, std::ignore) = at::_scaled_dot_product_efficient_attention_backward(
        gp, qp, kp, vp, /*attn_bias=*/{}, op, padded, seed, offset, 0.0, {true, true, true, false}, false,
        scale);
  } else {
    std::tie(dq, dk, dv) = at::_scaled_dot_product_flash_attention_backward(
        gp, qp, kp, vp, op, log_sum_exp, {}, {}, q.size(2), k.size(2), 0.0, false, seed, offset, scale);
  }
  const auto unpad = [&](const at::Tensor& x) { return x.narrow(-1, 0, head_dim).to(q.scalar_type()); };
  return {unpad(dq), unpad(dk), unpad(dv)};
}

bool hasCpuKernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return !PlainKernels::on() && cpu::attentionTakes(q, k, v);
}

/// A CUDA grid's y has no more, and flash attention's has a row for each sample.
constexpr int64_t kLargestCudaBatch = 65535;

AttentionWithLogSumExp attendOnCpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return cpu::attention(q, k, v, cpu::attentionUsesMatrixUnit(k));
}

AttentionGradients backwardOnCpu(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                                 const at::Tensor& v, const at::Tensor& out, const at::Tensor& log_sum_exp) {
  return cpu::attentionBackward(grad_out, q, k, v, out, log_sum_exp, cpu::attentionUsesMatrixUnit(k));
}

using torch::autograd::AutogradContext, torch::autograd::variable_list;

class CpuAttention : public torch::autograd::Function<CpuAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v) {
    const auto [out, log_sum_exp] = attendOnCpu(q, k, v);
    context->save_for_backward({q, k, v, out, log_sum_exp});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto [dq, dk, dv] = backwardOnCpu(gradients[0], saved[0], saved[1], saved[2], saved[3], saved[4]);
    return {dq, dk, dv};
  }
};

}  // namespace

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  if (!causal && hasCpuKernel(q, k, v)) {
    const bool records =
        c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
    return records ? CpuAttention::apply(q, k, v) : attendOnCpu(q, k, v).out;
  }
  if (!q.is_cuda() || q.size(0) <= kLargestCudaBatch) {
    return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
  }
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < q.size(0); first += kLargestCudaBatch) {
    const auto part = [&](const at::Tensor& x) { return x.slice(0, first, first + kLargestCudaBatch); };
    parts.push_back(at::scaled_dot_product_attention(part(q), part(k), part(v), {}, 0.0, causal));
  }
  return at::cat(parts);
}

AttentionWithLogSumExp attendWithLogSumExp(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  if (q.is_cuda()) return attendOnCuda(q, k, v);
  if (hasCpuKernel(q, k, v)) return attendOnCpu(q, k, v);
  auto [out, log_sum_exp] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v);
  return {out, log_sum_exp};
}

AttentionGradients attendBackward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k,
                                  const at::Tensor& v, const at::Tensor& out, const at::Tensor& log_sum_exp) {
  if (q.is_cuda()) return backwardOnCuda(grad_out, q, k, v, out, log_sum_exp);
  if (hasCpuKernel(q, k, v)) return backwardOnCpu(grad_out, q, k, v, out, log_sum_exp);
  auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(grad_out, q, k, v, out,
                                                                               log_sum_exp, 0.0, false);
  return {dq, dk, dv};
}

at::Tensor splitHeads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(-3, -2);
}

at::Tensor mergeHeads(const at::Tensor& x) {
  return x.transpose(-3, -2).flatten(-2);
}

Attention::Attention(const Scope& scope, const AttentionConfig& config)
    : config_(config),
      to_q_(scope / "to_q", config.dim, config.heads * config.head_dim, config.qkv_bias),
      to_k_(scope / "to_k", config.context_dim > 0 ? config.context_dim : config.dim,
            config.heads * config.head_dim, config.qkv_bias),
      to_v_(scope / "to_v", config.context_dim > 0 ? config.context_dim : config.dim,
            config.heads * config.head_dim, config.qkv_bias),
      to_out_(scope / "to_out" / 0, config.heads * config.head_dim, config.dim) {
  if (config.context_dim == 0 && !config.qkv_bias) {
    scope.set().declareJoined({&to_q_.weight(), &to_k_.weight(), &to_v_.weight()});
  }
}

Attention::Projections Attention::projections(const at::Tensor& x) const {
  const at::Tensor together =
      PlainKernels::on() ? at::Tensor() : joinedRows({&to_q_.weight(), &to_k_.weight(), &to_v_.weight()});
  if (!together.defined() || together.scalar_type() != x.scalar_type()) {
    return {to_q_.forward(x), to_k_.forward(x), to_v_.forward(x)};
  }
  const std::vector<at::Tensor> parts = affine(x, together, {}).chunk(3, -1);
  return {parts[0], parts[1], parts[2]};
}

at::Tensor Attention::mixed(const Projections& projections) const {
  const auto& [q, k, v] = projections;
  return attend(splitHeads(q, heads()), splitHeads(k, heads()), splitHeads(v, heads()));
}

at::Tensor Attention::forward(const at::Tensor& x, const at::Tensor& added) const {
  return project(mergeHeads(mixed(projections(x))), added);
}

void Attention::blend(at::Tensor& read, const at::Tensor& q, const WordsOfLayer& given) const {
  const auto& [words, shares] = given;
  // What is read of a sample, or of one of its images: (N, H, L, d) -> (B, per sample, H, L, d).
  const int64_t tokens = q.size(1), per_sample = shares.front().numel() / tokens;
  const auto samples = [&](const at::Tensor& x) {
    return x.unflatten(0, {-1, per_sample}).slice(0, words.first_row);
  };
  const at::Tensor asking = samples(q).flatten(0, 1);
  for (size_t w = 0; w < words.texts.size(); ++w) {
    const auto ofAll = [&](const at::Tensor& x) { return x.expand({asking.size(0), -1, -1}); };
    const at::Tensor& text = words.texts[w];
    const at::Tensor theirs = mixed({asking, ofAll(to_k_.forward(text)), ofAll(to_v_.forward(text))});
    const at::Tensor share = shares[w].to(read.scalar_type()).view({per_sample, 1, tokens, 1});
    samples(read).lerp_(theirs.unflatten(0, {-1, per_sample}), share);
  }
}

at::Tensor Attention::forwardTo(const at::Tensor& context, const at::Tensor& x, const at::Tensor& added,
                                const ImagePrompt* image, const WordsOfLayer* words) const {
  if (context.size(1) == 1 && image == nullptr && words == nullptr) {
    // Of a single key all is taken, whatever the query.
    const at::Tensor all = project(to_v_.forward(context));  // (N, 1, dim)
    return added.defined() ? added + all : all.expand(x.sizes());
  }
  const at::Tensor q = to_q_.forward(x);
  at::Tensor result = mixed({q, to_k_.forward(context), to_v_.forward(context)});
  if (words != nullptr) blend(result, q, *words);
  if (image != nullptr && image->scale != 0) {
    const int64_t times = x.size(0) / image->k.size(0);
    const auto rows = [&](const at::Tensor& y) { return times == 1 ? y : y.repeat_interleave(times, 0); };
    result.add_(mixed({q, rows(image->k), rows(image->v)}), image->scale);
  }
  return project(mergeHeads(result), added);
}

}  // namespace cameo::nn
