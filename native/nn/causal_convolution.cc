#include "nn/causal_convolution.h"

#include <ATen/ATen.h>

#include "core/cancellation.h"
#include "cpu/winograd.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

void ChunkHistory::endChunk() {
  is_first_ = false;
  next_ = 0;
}

at::Tensor& ChunkHistory::next() {
  if (next_ == kept_.size()) kept_.emplace_back();
  return kept_[next_++];
}

void ChunkHistory::skip() {
  next();
}

void ChunkHistory::fill(const at::Tensor& x, int64_t count, BeforeFilm before) {
  at::Tensor& kept = next();
  const at::Tensor first = x.narrow(0, 0, count), last = x.narrow(0, x.size(0) - count, count);
  if (kept.defined()) {
    first.copy_(kept);
  } else if (before == BeforeFilm::Zeros) {
    first.zero_();
  } else {
    first.copy_(x.narrow(0, count, 1));
  }
  if (is_last_) {
    kept.reset();
  } else if (kept.defined()) {
    kept.copy_(last);
  } else {
    kept = last.clone();
  }
}

at::Tensor emptyFrames(int64_t frames, int64_t channels, int64_t height, int64_t width,
                       const at::TensorOptions& options) {
  return at::empty({frames, channels, height, width}, options, at::MemoryFormat::ChannelsLast);
}

at::Tensor convolveOverTime(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const bool winograd_pays =
      !PlainKernels::on() && cpu::winogradTakes(x, weight.select(2, 0)) && cpu::winogradTiles(x) >= 8;
  if (winograd_pays) return cpu::winogradOverTime(x, weight, bias);
  const int64_t around = weight.size(3) / 2;
  const at::Tensor film = x.transpose(0, 1).unsqueeze(0);  // (1, in, T, H, W), channels-last as x is
  return at::conv3d(film, weight, bias, /*stride=*/at::IntArrayRef{1, 1, 1},
                    /*padding=*/{0, around, around})[0]
      .transpose(0, 1)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

CausalConv3d::CausalConv3d(const Scope& scope, int64_t in, int64_t out, BeforeFilm before)
    : before_(before),
      weight_(scope.parameter("weight", {out, in, kBefore + 1, 3, 3})),
      bias_(scope.parameter("bias", {out})) {}

at::Tensor CausalConv3d::room(int64_t frames, int64_t channels, const at::Tensor& like) {
  return emptyFrames(kBefore + frames, channels, like.size(2), like.size(3), like.options());
}

at::Tensor CausalConv3d::forward(const at::Tensor& room, ChunkHistory& history) const {
  throwIfCancelled();
  history.fill(room, kBefore, before_);
  return convolveOverTime(room, weight_.like(room), bias_.like(room));
}

at::Tensor CausalConv3d::forwardCopied(const at::Tensor& frames, ChunkHistory& history) const {
  const at::Tensor given = room(frames.size(0), frames.size(1), frames);
  framesOf(given).copy_(frames);
  return forward(given, history);
}

}  // namespace cameo::nn
