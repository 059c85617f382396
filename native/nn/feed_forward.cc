#include "nn/feed_forward.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/error.h"
#include "cpu/feed_forward.h"
#include "cpu/geglu.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

constexpr int64_t kExpansion = 4;

/// On a CPU, at most: the hidden states of all tokens would be the network's largest tensor, and leave the
/// cache.
constexpr int64_t kTokensAtATime = 2560;

using torch::autograd::AutogradContext, torch::autograd::variable_list;

class CpuGeglu : public torch::autograd::Function<CpuGeglu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden) {
    context->save_for_backward({hidden});
    return cpu::geglu(hidden);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {cpu::gegluBackward(gradients[0], context->get_saved_variables()[0])};
  }
};

/// (..., 2D) -> (..., D)
at::Tensor geglu(const at::Tensor& hidden) {
  const bool records = c10::GradMode::is_enabled();
  // The backward pass has a kernel for fp32 alone.
  if (!PlainKernels::on() && cpu::gegluTakes(hidden) && (hidden.scalar_type() == at::kFloat || !records)) {
    return records ? CpuGeglu::apply(hidden) : cpu::geglu(hidden);
  }
  const auto halves = hidden.chunk(2, -1);
  return at::gelu(halves[1]).mul_(halves[0]);
}

void checkActivation(const std::string& name) {
  if (name == "geglu" || name == "gelu" || name == "gelu-approximate") return;
  throw Error(ErrorCode::WeightsFormat, "the config asks for the feed-forward activation \"" + name +
                                            "\"; geglu, gelu and gelu-approximate are known");
}

}  // namespace

FeedForward::FeedForward(const Scope& scope, int64_t dim, const std::string& activation, int64_t hidden)
    : gated_(activation == "geglu"),
      approximation_(activation == "gelu-approximate" ? "tanh" : "none"),
      proj_(scope / "net" / 0 / "proj", dim, (hidden > 0 ? hidden : dim * kExpansion) * (gated_ ? 2 : 1)),
      out_(scope / "net" / 2, hidden > 0 ? hidden : dim * kExpansion, dim) {
  checkActivation(activation);
}

at::Tensor FeedForward::forward(const at::Tensor& x) const {
  at::Tensor hidden = proj_.forward(x);  // (..., 4 dim), or (..., 8 dim) where gated
  if (!gated_) return out_.forward(at::gelu_(hidden, approximation_));
  return out_.forward(geglu(hidden));
}

at::Tensor FeedForward::forward(const at::Tensor& x, const at::Tensor& added) const {
  if (!x.is_cpu()) return forward(x).add_(added);
  if (gated_ && !PlainKernels::on() && !proj_.weight().adapter && !out_.weight().adapter) {
    const cpu::GatedFeedForward layer{proj_.weight().like(x), proj_.bias()->like(x), out_.weight().like(x),
                                      out_.bias()->like(x)};
    if (cpu::gatedFeedForwardTakes(x, layer)) return cpu::gatedFeedForward(x, layer, added);
  }
  const at::Tensor out = at::empty_like(x);
  const int64_t times = (x.size(0) + kTokensAtATime - 1) / kTokensAtATime;
  for (int64_t i = 0; i < times; ++i) {
    const auto rows = [&](const at::Tensor& all) {
      return all.slice(0, i * all.size(0) / times, (i + 1) * all.size(0) / times);
    };
    at::Tensor part = rows(out);
    at::add_out(part, forward(rows(x)), rows(added));
  }
  return out;
}

NormedFeedForward::NormedFeedForward(const Scope& scope, int64_t dim, const FeedForwardNames& names)
    : parameters_(scope.set()),
      norm_(scope / names.norm, dim),
      feed_forward_(scope / names.feed_forward, dim) {
  parameters_.close();
}

at::Tensor NormedFeedForward::forward(const at::Tensor& x) const {
  if (c10::GradMode::is_enabled()) {
    const auto block = [this](const std::vector<at::Tensor>& inputs) {
      return feed_forward_.forward(norm_.forward(inputs[0])).add_(inputs[0]);
    };
    return recompute(block, {x}, parameters_.trained());
  }
  const at::Tensor tokens = x.reshape({-1, x.size(-1)});
  return feed_forward_.forward(norm_.forward(tokens), tokens).view(x.sizes());
}

}  // namespace cameo::nn
