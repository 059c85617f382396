#include "models/causal_vae/causal_vae_blocks.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include "core/error.h"
#include "cpu/film_norm.h"
#include "nn/group_norm.h"
#include "nn/plain_kernels.h"

namespace cameo::models {

namespace {

/// Of each of `frames` frames, the one of `latents` latents that it comes from.
std::vector<int64_t> latentsOfFrames(int64_t frames, int64_t latents, bool first_apart) {
  const int64_t apart = first_apart ? 1 : 0;
  std::vector<int64_t> result(frames, 0);
  for (int64_t i = apart; i < frames; ++i) {
    result[i] = apart + (i - apart) * (latents - apart) / (frames - apart);
  }
  return result;
}

at::Tensor asTokens(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1});
}

at::Tensor asFrames(const at::Tensor& tokens) {
  return tokens.permute({0, 3, 1, 2});
}

/// All frames as one picture, (1, C, T*H, W).
at::Tensor oneBelowTheOther(const at::Tensor& x) {
  return asFrames(asTokens(x).flatten(0, 1).unsqueeze(0));
}

}  // namespace

FilmNorm::FilmNorm(const Scope& scope, const Sizes& sizes)
    : sizes_(sizes),
      weight_(
          (sizes.latent_channels > 0 ? scope / "norm_layer" : scope).parameter("weight", {sizes.channels})),
      bias_((sizes.latent_channels > 0 ? scope / "norm_layer" : scope).parameter("bias", {sizes.channels})) {
  if (sizes.channels % sizes.groups != 0) {
    throw Error(ErrorCode::WeightsFormat,
                c10::str("the config asks for ", sizes.channels, " channels normalised in ", sizes.groups,
                         " groups; norm_num_groups must divide every entry of block_out_channels"));
  }
  if (sizes.latent_channels == 0) return;
  scale_.emplace(scope / "conv_y" / "conv", sizes.latent_channels, sizes.channels, /*dims=*/3);
  shift_.emplace(scope / "conv_b" / "conv", sizes.latent_channels, sizes.channels, /*dims=*/3);
}

at::Tensor FilmNorm::forward(const at::Tensor& x, const FilmChunk& chunk, nn::Activation activation) const {
  const at::Tensor room = nn::CausalConv3d::room(x.size(0), x.size(1), x);
  const at::Tensor y = nn::CausalConv3d::framesOf(room);
  if (activation != nn::Activation::Silu || nn::PlainKernels::on() || !cpu::groupNormTakes(x)) {
    plainly(x, chunk, activation, y);
    return room;
  }
  const cpu::GroupNormParameters parameters{*weight_, *bias_, sizes_.groups, /*silu=*/true};
  if (!scale_) {
    cpu::filmNorm(x, parameters, sizes_.eps, nullptr, y);
    return room;
  }
  const at::Tensor latents = asTokens(chunk.latents);
  const auto inFloats = [](const at::Tensor& z) { return z.to(at::kFloat).contiguous(); };
  const cpu::Places places{inFloats(scale_->forward(latents)), inFloats(shift_->forward(latents)),
                           latentsOfFrames(x.size(0), latents.size(0), chunk.isFirst())};
  cpu::filmNorm(x, parameters, sizes_.eps, &places, y);
  return room;
}

void FilmNorm::plainly(const at::Tensor& x, const FilmChunk& chunk, nn::Activation activation,
                       const at::Tensor& y) const {
  const at::Tensor normed = nn::groupNorm(oneBelowTheOther(x), *weight_, *bias_, sizes_.groups, sizes_.eps);
  const at::Tensor frames = asFrames(asTokens(normed)[0].view(asTokens(x).sizes()));
  if (!scale_) {
    y.copy_(nn::activate(activation, frames));
    return;
  }
  const at::Tensor latents = asTokens(chunk.latents);
  const at::Tensor scale = asFrames(scale_->forward(latents)), shift = asFrames(shift_->forward(latents));
  const auto places = latentsOfFrames(x.size(0), scale.size(0), chunk.isFirst());
  for (int64_t i = 0; i < x.size(0); ++i) {
    const auto atFrame = [&](const at::Tensor& z) {
      return at::upsample_nearest2d(z.narrow(0, places[i], 1), {x.size(2), x.size(3)});
    };
    const at::Tensor frame = frames.narrow(0, i, 1).mul(atFrame(scale)).add_(atFrame(shift));
    y.narrow(0, i, 1).copy_(nn::activate(activation, frame));
  }
}

CausalResnet::CausalResnet(const Scope& scope, const CausalVaeConfig& config, int64_t in, int64_t out,
                           int64_t latent_channels)
    : activation_(config.activation),
      norm1_(scope / "norm1", {.channels = in,
                               .groups = config.groups,
                               .eps = latent_channels > 0 ? kCausalVaeEps : config.eps,
                               .latent_channels = latent_channels}),
      conv1_(scope / "conv1" / "conv", in, out),
      norm2_(scope / "norm2", {.channels = out,
                               .groups = config.groups,
                               .eps = latent_channels > 0 ? kCausalVaeEps : config.eps,
                               .latent_channels = latent_channels}),
      conv2_(scope / "conv2" / "conv", out, out) {
  if (in != out) shortcut_.emplace(scope / "conv_shortcut", in, out, /*dims=*/3);
}

at::Tensor CausalResnet::forward(const at::Tensor& x, const FilmChunk& chunk) const {
  at::Tensor h = conv1_.forward(norm1_.forward(x, chunk, activation_), chunk.history);
  // Of what is as large as a chunk, nothing lives longer than it is needed.
  at::Tensor room = norm2_.forward(h, chunk, activation_);
  h.reset();
  h = conv2_.forward(room, chunk.history);
  room.reset();
  if (!shortcut_) return h.add_(x);
  return asFrames(shortcut_->forward(asTokens(x), asTokens(h)));
}

FilmDownsample::FilmDownsample(const Scope& scope, int64_t channels, bool over_time)
    : over_time_(over_time),
      conv_(scope / "conv", {.in = channels, .out = channels, .stride = 2, .padding = 0}) {}

at::Tensor FilmDownsample::forward(const at::Tensor& x, const FilmChunk& chunk) const {
  if (!over_time_) return conv_.forward(at::constant_pad_nd(x, {0, 1, 0, 1}));
  const int64_t apart = chunk.isFirst() ? 1 : 0, pairs = (x.size(0) - apart) / 2;
  const at::Tensor halved =
      nn::emptyFrames(apart + pairs, x.size(1), x.size(2) + 1, x.size(3) + 1, x.options()).zero_();
  const at::Tensor inside = halved.narrow(2, 0, x.size(2)).narrow(3, 0, x.size(3));
  if (apart > 0) inside.narrow(0, 0, 1).copy_(x.narrow(0, 0, 1));
  for (int64_t i = 0; i < pairs; ++i) {
    inside[apart + i].copy_(x[apart + 2 * i]).add_(x[apart + 2 * i + 1]).mul_(0.5);
  }
  return conv_.forward(halved);
}

FilmUpsample::FilmUpsample(const Scope& scope, int64_t channels, bool over_time)
    : over_time_(over_time), conv_(scope / "conv", {.in = channels, .out = channels}) {}

at::Tensor FilmUpsample::forward(const at::Tensor& x, const FilmChunk& chunk) const {
  const int64_t apart = chunk.isFirst() ? 1 : 0, times = over_time_ ? 2 : 1;
  const int64_t frames = times * x.size(0) - (times - 1) * apart;
  const at::Tensor y = nn::emptyFrames(frames, x.size(1), 2 * x.size(2), 2 * x.size(3), x.options());
  // Frame by frame, and what is there twice is computed once.
  for (int64_t i = 0; i < x.size(0); ++i) {
    const bool is_apart = i < apart;
    const int64_t first = is_apart ? i : apart + (i - apart) * times;
    const at::Tensor doubled = at::upsample_nearest2d(x.narrow(0, i, 1), {y.size(2), y.size(3)});
    y.narrow(0, first, is_apart ? 1 : times).copy_(conv_.forward(doubled));
  }
  return y;
}

}  // namespace cameo::models
