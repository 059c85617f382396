#include "nn/spatio_temporal_resnet.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>

#include "core/cancellation.h"
#include "core/initial.h"
#include "nn/affine.h"

namespace cameo::nn {

namespace {

/// Of a sample's film, about how many numbers of a neighbour are added at a time: a whole film's would be as
/// much memory again.
constexpr int64_t kNumbersAdded = 1 << 21;

/// x (B, F, n, C) through a norm of (B, C, F, n), and SiLU.
at::Tensor normed(const GroupNorm& norm, const at::Tensor& x) {
  return norm.forward(x.permute({0, 3, 1, 2}), Activation::Silu).permute({0, 2, 3, 1}).contiguous();
}

/// Begun as diffusers'.
Parameter& mixFactor(const Scope& scope, bool switched) {
  Parameter& factor = scope.parameter("mix_factor", {1});
  factor.initial = constantInitial(switched ? 0 : 0.5);
  return factor;
}

}  // namespace

AlphaBlender::AlphaBlender(const Scope& scope, bool switched)
    : switched_(switched), mix_factor_(mixFactor(scope, switched)) {}

at::Tensor AlphaBlender::forward(const at::Tensor& spatial, at::Tensor temporal) const {
  const at::Tensor learned = at::sigmoid(mix_factor_->to(at::kFloat));
  const at::Tensor share = (switched_ ? 1 - learned : learned).to(spatial.scalar_type());
  return c10::GradMode::is_enabled() ? temporal.lerp(spatial, share) : temporal.lerp_(spatial, share);
}

TemporalConv::TemporalConv(const Scope& scope, int64_t in, int64_t out)
    : weight_(scope.parameter("weight", {out, in, 3, 1, 1})), bias_(scope.parameter("bias", {out})) {}

at::Tensor TemporalConv::forward(const at::Tensor& x) const {
  // Three products, of which two reach one frame less: gathered neighbours would be three times as large.
  const at::Tensor taps =
      weight_.merged().to(x.scalar_type()).flatten(2).permute({2, 0, 1}).contiguous();  // (3, out, in)
  at::Tensor y = affine(x, taps[1], bias_.like(x));
  const int64_t frames = x.size(1);
  if (frames == 1) return y;
  const int64_t together = std::max<int64_t>(1, kNumbersAdded / (x.size(2) * x.size(3)));
  const auto add = [&](int64_t tap, int64_t from, int64_t to) {
    for (int64_t i = 0; i < frames - 1; i += together) {
      const auto part = [&](const at::Tensor& all, int64_t first) {
        return all.narrow(1, first + i, std::min(together, frames - 1 - i));
      };
      part(y, to).copy_(affine(part(x, from), taps[tap], {}, part(y, to)));
    }
  };
  add(0, 0, 1);
  add(2, 1, 0);
  return y;
}

TemporalResnetBlock::TemporalResnetBlock(const Scope& scope, int64_t channels, int64_t time_channels,
                                         int64_t groups, double eps)
    : norm1_(scope / "norm1", groups, channels, eps),
      conv1_(scope / "conv1", channels, channels),
      norm2_(scope / "norm2", groups, channels, eps),
      conv2_(scope / "conv2", channels, channels) {
  if (time_channels > 0) time_emb_proj_.emplace(scope / "time_emb_proj", time_channels, channels);
}

at::Tensor TemporalResnetBlock::forward(const at::Tensor& x, const at::Tensor& time) const {
  at::Tensor h = conv1_.forward(normed(norm1_, x));
  if (time_emb_proj_) {
    const at::Tensor shift = time_emb_proj_->forward(at::silu(time));  // (B, C)
    h.add_(shift.unsqueeze(1).unsqueeze(1));
  }
  return conv2_.forward(normed(norm2_, h)).add_(x);
}

TemporalConvBlock::TemporalConvBlock(const Scope& scope, int64_t channels, int64_t groups) {
  convs_.reserve(4);
  for (int64_t i = 1; i <= 4; ++i) {
    const Scope layer = scope / ("conv" + std::to_string(i));
    // Behind the first norm and SiLU there is no dropout to count.
    convs_.push_back({GroupNorm(layer / 0, groups, channels, 1e-5),
                      TemporalConv(layer / (i == 1 ? 2 : 3), channels, channels)});
  }
}

at::Tensor TemporalConvBlock::forward(const at::Tensor& x, int64_t frames) const {
  throwIfCancelled();
  const at::Tensor tokens = toTokens(x).unflatten(0, {-1, frames});  // (B, F, H*W, C)
  at::Tensor h = tokens;
  for (const auto& [norm, conv] : convs_) h = conv.forward(normed(norm, h));
  return fromTokens(h.add_(tokens).flatten(0, 1), x.size(2), x.size(3));
}

SpatioTemporalResnet::SpatioTemporalResnet(const Scope& scope, const SpatioTemporalResnetConfig& config)
    : spatial_(scope / "spatial_res_block", config.spatial),
      temporal_(scope / "temporal_res_block", config.spatial.out, config.spatial.time_channels,
                config.spatial.groups, config.temporal_eps),
      mixer_(scope / "time_mixer", config.switched) {}

at::Tensor SpatioTemporalResnet::forward(at::Tensor input, int64_t frames, const at::Tensor& time) const {
  const at::Tensor x = spatial_.forward(input, time);
  input.reset();
  const at::Tensor tokens = toTokens(x).unflatten(0, {-1, frames});  // (B, F, H*W, C)
  const at::Tensor mixed = mixer_.forward(tokens, temporal_.forward(tokens, time));
  return fromTokens(mixed.flatten(0, 1), x.size(2), x.size(3));
}

}  // namespace cameo::nn
