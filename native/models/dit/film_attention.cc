#include "models/dit/film_attention.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "cpu/attention.h"
#include "nn/plain_kernels.h"
#include "nn/repeated_key.h"

namespace cameo::models {

at::Tensor attendToFilm(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t times) {
  if (!q.is_cpu() || q.scalar_type() != at::kBFloat16 || nn::PlainKernels::on() ||
      c10::GradMode::is_enabled() || cpu::attentionTakes(q, k, v)) {
    return nn::attendRepeated(q, k, v, times);
  }
  const at::Tensor out = at::empty_like(q);
  for (int64_t sample = 0; sample < q.size(0); ++sample) {
    const auto exact = [&](const at::Tensor& x) { return x.slice(0, sample, sample + 1).to(at::kFloat); };
    out.slice(0, sample, sample + 1).copy_(nn::attendRepeated(exact(q), exact(k), exact(v), times));
  }
  return out;
}

}  // namespace cameo::models
