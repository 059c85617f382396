#include "models/dit/wan_block.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "core/cancellation.h"
#include "models/dit/film_attention.h"
#include "nn/attention.h"

namespace cameo::models {

namespace {

/// Without gradients the feed-forward takes so many tokens at most at a time: its hidden states would be the
/// network's largest tensor.
constexpr int64_t kWanTokensFedForward = 2048;

/// The parts of a modulation, in order.
enum WanPart : size_t { kShift, kScale, kGate, kFeedShift, kFeedScale, kFeedGate };

/// x + y * gate in fp32, in x's type; x and y (B, L, dim), gate (B, dim) or (1, dim), fp32. Without gradients
/// into x.
at::Tensor plusGated(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) {
  const at::Tensor by = gate.unsqueeze(1);
  if (!c10::GradMode::is_enabled()) return x.addcmul_(y, by);
  return at::addcmul(x.to(at::kFloat), y.to(at::kFloat), by).to(x.scalar_type());
}

at::Tensor plusAll(const at::Tensor& x, const at::Tensor& y) {
  return c10::GradMode::is_enabled() ? x + y : x.add_(y);
}

/// As many samples as there are, each with the tokens of its text.
at::Tensor ofSamples(const at::Tensor& tokens, const at::Tensor& reads, int64_t samples) {
  if (reads.defined()) return tokens.index_select(0, reads);
  return tokens.size(0) == samples ? tokens : tokens.expand({samples, -1, -1, -1});
}

}  // namespace

at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double eps) {
  if (scale.size(0) > 1) {
    std::vector<at::Tensor> samples;
    for (int64_t i = 0; i < x.size(0); ++i) {
      const auto row = [i](const at::Tensor& all) { return all.slice(0, i, i + 1); };
      samples.push_back(modulated(row(x), row(scale), row(shift), eps));
    }
    return at::cat(samples);
  }
  const at::Tensor weight = scale[0] + 1, bias = shift[0];
  // On a CPU the kernel takes weights of fp32 with 16 bits.
  const bool mixed = x.is_cpu() && !c10::GradMode::is_enabled();
  const at::Tensor in = mixed ? x : x.to(at::kFloat);
  return at::layer_norm(in, {x.size(2)}, weight, bias, eps).to(x.scalar_type());
}

WanSelfAttention::WanSelfAttention(const Scope& scope, const WanConfig& config)
    : heads_(config.heads),
      to_q_(scope / "to_q", config.dim(), config.dim()),
      to_k_(scope / "to_k", config.dim(), config.dim()),
      to_v_(scope / "to_v", config.dim(), config.dim()),
      to_out_(scope / "to_out" / 0, config.dim(), config.dim()),
      norm_q_(scope / "norm_q", config.dim(), config.eps),
      norm_k_(scope / "norm_k", config.dim(), config.eps) {}

at::Tensor WanSelfAttention::forward(const at::Tensor& x, const Rotary& rotary) const {
  const at::Tensor q = norm_q_.forward(to_q_.forward(x), heads_, &rotary).transpose(1, 2);
  const at::Tensor k = norm_k_.forward(to_k_.forward(x), heads_, &rotary).transpose(1, 2);
  throwIfCancelled();
  return to_out_.forward(nn::mergeHeads(attendToFilm(q, k, nn::splitHeads(to_v_.forward(x), heads_))));
}

WanCrossAttention::WanCrossAttention(const Scope& scope, const WanConfig& config)
    : heads_(config.heads),
      to_q_(scope / "to_q", config.dim(), config.dim()),
      to_k_(scope / "to_k", config.dim(), config.dim()),
      to_v_(scope / "to_v", config.dim(), config.dim()),
      to_out_(scope / "to_out" / 0, config.dim(), config.dim()),
      norm_q_(scope / "norm_q", config.dim(), config.eps),
      norm_k_(scope / "norm_k", config.dim(), config.eps) {
  if (!config.attends_to_image) return;
  image_k_.emplace(scope / "add_k_proj", config.dim(), config.dim());
  image_v_.emplace(scope / "add_v_proj", config.dim(), config.dim());
  norm_image_k_.emplace(scope / "norm_added_k", config.dim(), config.eps);
}

WanRead WanCrossAttention::read(const WanContext& context) const {
  const auto tokens = [this](const at::Tensor& x, const nn::Linear& k, const QueryNorm& norm,
                             const nn::Linear& v) -> WanRead::Tokens {
    return {norm.forward(k.forward(x), heads_).transpose(1, 2), nn::splitHeads(v.forward(x), heads_)};
  };
  WanRead read{.text = tokens(context.text, to_k_, norm_k_, to_v_), .image = {}};
  read.text.times = context.text_times;
  if (image_k_) read.image = tokens(context.image, *image_k_, *norm_image_k_, *image_v_);
  return read;
}

at::Tensor WanCrossAttention::forward(const at::Tensor& x, const WanRead& read,
                                      const at::Tensor& reads) const {
  const at::Tensor q = norm_q_.forward(to_q_.forward(x), heads_).transpose(1, 2);
  const auto attended = [&](const WanRead::Tokens& tokens) {
    return attendToFilm(q, ofSamples(tokens.k, reads, x.size(0)), ofSamples(tokens.v, reads, x.size(0)),
                        tokens.times);
  };
  at::Tensor result = attended(read.text);
  if (read.image) result = result + attended(*read.image);
  return to_out_.forward(nn::mergeHeads(result));
}

WanBlock::WanBlock(const Scope& scope, const WanConfig& config)
    : eps_(config.eps),
      table_(scope.parameterInFloat("scale_shift_table", {1, 6, config.dim()})),
      self_attention_(scope / "attn1", config),
      cross_attention_(scope / "attn2", config),
      feed_forward_(scope / "ffn", config.dim(), "gelu-approximate", config.hidden) {
  if (config.norms_before_text) text_norm_.emplace(scope / "norm2", config.dim(), config.eps);
}

at::Tensor WanBlock::forward(const at::Tensor& in, const WanState& state, const WanRead& read) const {
  throwIfCancelled();
  const std::vector<at::Tensor> parts = (table_->to(at::kFloat) + state.modulation).unbind(1);
  at::Tensor x = in;
  const at::Tensor own =
      self_attention_.forward(modulated(x, parts[kScale], parts[kShift], eps_), state.rotary);
  x = plusGated(x, own, parts[kGate]);
  throwIfCancelled();
  x = plusAll(x, cross_attention_.forward(text_norm_ ? text_norm_->forward(x) : x, read, state.reads));
  return fedForward(x, parts);
}

at::Tensor WanBlock::fedForward(const at::Tensor& x, const std::vector<at::Tensor>& parts) const {
  const auto fed = [&](const at::Tensor& some) {
    return feed_forward_.forward(modulated(some, parts[kFeedScale], parts[kFeedShift], eps_));
  };
  if (c10::GradMode::is_enabled()) return plusGated(x, fed(x), parts[kFeedGate]);
  const int64_t times = (x.size(0) * x.size(1) + kWanTokensFedForward - 1) / kWanTokensFedForward;
  for (const at::Tensor& some : x.tensor_split(std::max<int64_t>(times, 1), 1)) {
    throwIfCancelled();
    plusGated(some, fed(some), parts[kFeedGate]);
  }
  return x;
}

}  // namespace cameo::models
