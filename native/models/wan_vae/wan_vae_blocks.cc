#include "models/wan_vae/wan_vae_blocks.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/initial.h"
#include "cpu/film_norm.h"
#include "nn/affine.h"
#include "nn/attention.h"
#include "nn/plain_kernels.h"

namespace cameo::models {

namespace {

constexpr int64_t kTaps = 3;

at::Tensor positions(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1});
}

at::Tensor fromPositions(const at::Tensor& x) {
  return x.permute({0, 3, 1, 2});
}

Parameter& wanGamma(const Scope& scope, int64_t channels, int64_t dims) {
  std::vector<int64_t> shape(1 + dims, 1);
  shape.front() = channels;
  Parameter& gamma = scope.parameter("gamma", std::move(shape));
  gamma.initial = constantInitial(1);
  return gamma;
}

}  // namespace

WanNorm::WanNorm(const Scope& scope, int64_t channels, int64_t dims)
    : gamma_(wanGamma(scope, channels, dims)) {}

at::Tensor WanNorm::forward(const at::Tensor& x) const {
  const at::Tensor tokens = positions(x).to(at::kFloat);
  const at::Tensor root =
      at::linalg_vector_norm(tokens, 2, at::IntArrayRef{-1}, /*keepdim=*/true).clamp_min(1e-12);
  const at::Tensor normed = tokens.div(root).to(x.scalar_type());
  return fromPositions(normed.mul_(std::sqrt(static_cast<double>(x.size(1)))).mul_(gamma_.like(x).flatten()));
}

at::Tensor WanNorm::forwardSilu(const at::Tensor& x) const {
  const at::Tensor room = nn::CausalConv3d::room(x.size(0), x.size(1), x),
                   y = nn::CausalConv3d::framesOf(room);
  if (!nn::PlainKernels::on() && !c10::GradMode::is_enabled() && cpu::groupNormTakes(x)) {
    cpu::rmsNormSilu(x, gamma_.value.flatten(), y);
    return room;
  }
  y.copy_(nn::activate(nn::Activation::Silu, forward(x)));
  return room;
}

WanResnet::WanResnet(const Scope& scope, int64_t in, int64_t out)
    : norm1_(scope / "norm1", in),
      conv1_(scope / "conv1", in, out, nn::BeforeFilm::Zeros),
      norm2_(scope / "norm2", out),
      conv2_(scope / "conv2", out, out, nn::BeforeFilm::Zeros) {
  if (in != out) shortcut_.emplace(scope / "conv_shortcut", in, out, /*dims=*/3);
}

at::Tensor WanResnet::forward(const at::Tensor& x, nn::ChunkHistory& history) const {
  at::Tensor h = conv1_.forward(norm1_.forwardSilu(x), history);
  at::Tensor room = norm2_.forwardSilu(h);
  h.reset();
  h = conv2_.forward(room, history);
  room.reset();
  if (!shortcut_) return c10::GradMode::is_enabled() ? h + x : h.add_(x);
  return fromPositions(shortcut_->forward(positions(x), positions(h)));
}

WanAttention::WanAttention(const Scope& scope, int64_t channels)
    : norm_(scope / "norm", channels, /*dims=*/2),
      to_qkv_(scope / "to_qkv", channels, 3 * channels),
      proj_(scope / "proj", channels, channels) {}

at::Tensor WanAttention::forward(const at::Tensor& x) const {
  const at::Tensor tokens = nn::toTokens(norm_.forward(x)).contiguous();
  const auto qkv = to_qkv_.forward(tokens).unsqueeze(1).chunk(3, -1);  // (T, 1, h*w, C)
  const at::Tensor read = nn::attend(qkv[0], qkv[1], qkv[2]).squeeze(1);
  return nn::fromTokens(proj_.forward(read.contiguous(), nn::toTokens(x)), x.size(2), x.size(3));
}

WanTimeConv::WanTimeConv(const Scope& scope, int64_t in, int64_t out)
    : weight_(scope.parameter("weight", {out, in, kTaps, 1, 1})), bias_(scope.parameter("bias", {out})) {}

at::Tensor WanTimeConv::forward(const at::Tensor& x, int64_t stride) const {
  const at::Tensor taps = weight_.like(x).flatten(2).permute({2, 0, 1}).contiguous();  // (3, out, in)
  const int64_t last = x.size(0) - kTaps;
  const auto seen = [&](int64_t tap) {
    return positions(x).slice(0, tap, tap + last + 1, stride).contiguous();
  };
  at::Tensor y = nn::affine(seen(0), taps[0], bias_.like(x));
  for (int64_t tap = 1; tap < kTaps; ++tap) y = nn::affine(seen(tap), taps[tap], {}, y);
  return y;
}

WanDownsample::WanDownsample(const Scope& scope, int64_t channels, bool over_time)
    : conv_(scope / "resample" / 1, {.in = channels, .out = channels, .stride = 2, .padding = 0}) {
  if (over_time) time_conv_.emplace(scope / "time_conv", channels, channels);
}

at::Tensor WanDownsample::forward(const at::Tensor& x, nn::ChunkHistory& history) const {
  const at::Tensor y = conv_.forward(at::constant_pad_nd(x, {0, 1, 0, 1}));
  if (!time_conv_) return y;
  // A frame before those that there are.
  const at::Tensor with_last = nn::emptyFrames(1 + y.size(0), y.size(1), y.size(2), y.size(3), y.options());
  with_last.narrow(0, 1, y.size(0)).copy_(y);
  const bool is_first = history.isFirst();
  history.fill(with_last, 1, nn::BeforeFilm::Zeros);
  return is_first ? y : fromPositions(time_conv_->forward(with_last, /*stride=*/2));
}

WanUpsample::WanUpsample(const Scope& scope, int64_t channels, bool over_time)
    : conv_(scope / "resample" / 1, {.in = channels, .out = channels / 2}) {
  if (over_time) time_conv_.emplace(scope / "time_conv", channels, 2 * channels);
}

at::Tensor WanUpsample::forward(const at::Tensor& input, nn::ChunkHistory& history) const {
  at::Tensor x = input;
  if (time_conv_ && history.isFirst()) {
    history.skip();
  } else if (time_conv_) {
    const at::Tensor room = nn::CausalConv3d::room(x.size(0), x.size(1), x);
    nn::CausalConv3d::framesOf(room).copy_(x);
    history.fill(room, nn::CausalConv3d::kBefore, nn::BeforeFilm::Zeros);
    // (T, H, W, 2 C): a frame and the one after it.
    const at::Tensor both = time_conv_->forward(room, /*stride=*/1).unflatten(3, {2, -1});
    x = fromPositions(both.permute({0, 3, 1, 2, 4}).flatten(0, 1).contiguous());
  }
  std::vector<at::Tensor> frames;
  for (int64_t i = 0; i < x.size(0); ++i) {
    frames.push_back(
        conv_.forward(at::upsample_nearest2d(x.narrow(0, i, 1), {2 * x.size(2), 2 * x.size(3)})));
  }
  return at::cat(frames).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace cameo::models
