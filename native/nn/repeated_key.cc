#include "nn/repeated_key.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "nn/attention.h"

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

at::Tensor lastOf(const at::Tensor& keys) {
  return keys.narrow(2, keys.size(2) - 1, 1);
}

double logOfOthers(int64_t times) {
  return std::log(static_cast<double>(times - 1));
}

/// Merges what is read of all keys, each once, with what is read of the last one's other copies.
AttentionWithLogSumExp merged(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t times) {
  const auto [out, log_sum_exp] = attendWithLogSumExp(q, k, v);
  // The log-sum-exp over one key is its score.
  const at::Tensor others = attendWithLogSumExp(q, lastOf(k), lastOf(v)).log_sum_exp + logOfOthers(times);
  const at::Tensor total = at::logaddexp(log_sum_exp, others);
  const at::Tensor share = at::exp(others - total).unsqueeze(-1).to(out.scalar_type());
  return {out.lerp_(lastOf(v), share), total};
}

class RepeatedKeyAttention : public torch::autograd::Function<RepeatedKeyAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, int64_t times) {
    const auto [out, log_sum_exp] = merged(q, k, v, times);
    context->save_for_backward({q, k, v, out, log_sum_exp});
    context->saved_data["times"] = times;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3], &log_sum_exp = saved[4];
    const AttentionGradients once = attendBackward(gradients[0], q, k, v, out, log_sum_exp);
    const double log_others = logOfOthers(context->saved_data["times"].toInt());
    const AttentionGradients others =
        attendBackward(gradients[0], q, lastOf(k), lastOf(v), out, log_sum_exp - log_others);
    lastOf(once.k).add_(others.k);
    lastOf(once.v).add_(others.v);
    return {once.q + others.q, once.k, once.v, at::Tensor()};
  }
};

}  // namespace

at::Tensor attendRepeated(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t times) {
  if (times == 1) return attend(q, k, v);
  const bool records =
      c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  return records ? RepeatedKeyAttention::apply(q, k, v, times) : merged(q, k, v, times).out;
}

int64_t equalRowsAtEnd(const at::Tensor& x) {
  const int64_t rows = x.size(1);
  const at::Tensor differs = x.ne(x.narrow(1, rows - 1, 1)).flatten(2).any(2).any(0);  // (S)
  const at::Tensor last =
      at::where(differs, at::arange(1, rows + 1, differs.options().dtype(at::kLong)), 0).max();
  return rows - last.item<int64_t>();
}

}  // namespace cameo::nn
