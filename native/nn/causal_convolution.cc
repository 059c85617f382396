#include "nn/causal_convolution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

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

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// As oneDNN takes it: x (T, C, H, W), channels-last, as (1, C, T, H, W).
at::Tensor asFilm(const at::Tensor& x) {
  return x.transpose(0, 1).unsqueeze(0);
}

at::Tensor asFrames(const at::Tensor& film) {
  return film[0].transpose(0, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

/// Whether Winograd's form has the convolutions of all taps, and takes less time than the direct one.
bool winogradPays(const at::Tensor& x, const at::Tensor& tap) {
  return !PlainKernels::on() && cpu::winogradTakes(x, tap) && cpu::winogradTiles(x) >= 8;
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (winogradPays(x, weight.select(2, 0))) return cpu::winogradOverTime(x, weight, bias);
  const int64_t around = weight.size(3) / 2;
  return asFrames(at::conv3d(asFilm(x), weight, bias, /*stride=*/at::IntArrayRef{1, 1, 1},
                             /*padding=*/{0, around, around}));
}

/// What each tap takes back to the frames that it saw.
at::Tensor frameGradient(const at::Tensor& grad, const at::Tensor& weight) {
  const int64_t frames = grad.size(0), taps = weight.size(2);
  const at::Tensor result =
      emptyFrames(frames + taps - 1, weight.size(1), grad.size(2), grad.size(3), grad.options()).zero_();
  for (int64_t tap = 0; tap < taps; ++tap) {
    result.narrow(0, tap, frames)
        .add_(cpu::winograd(grad, weight.select(2, tap).contiguous(), {}, /*turned=*/true));
  }
  return result;
}

at::Tensor kernelGradient(const at::Tensor& x, const at::Tensor& grad, int64_t taps) {
  std::vector<at::Tensor> of_taps;
  for (int64_t tap = 0; tap < taps; ++tap) {
    of_taps.push_back(cpu::winogradKernelGradient(x.narrow(0, tap, grad.size(0)), grad));
  }
  return at::stack(of_taps, /*dim=*/2);
}

class ConvolutionOverTime : public torch::autograd::Function<ConvolutionOverTime> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    context->save_for_backward({x, weight});
    return product(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor grad = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    std::array<bool, 3> wanted{context->needs_input_grad(0), context->needs_input_grad(1),
                               context->needs_input_grad(2)};
    variable_list result(3);
    const auto give = [&](size_t i, const at::Tensor& gradient) {
      result[i] = gradient;
      wanted[i] = false;
    };
    const at::Tensor tap = weight.select(2, 0);
    if (wanted[0] && winogradPays(grad, tap.transpose(0, 1))) give(0, frameGradient(grad, weight));
    if (wanted[1] && winogradPays(x, tap) && cpu::winogradGradientPays(x, tap)) {
      give(1, kernelGradient(x, grad, weight.size(2)));
    }
    if (wanted[2]) give(2, grad.sum({0, 2, 3}));
    if (wanted == std::array<bool, 3>{}) return result;
    const int64_t around = weight.size(3) / 2;
    auto [of_x, of_weight, of_bias] = at::convolution_backward(
        asFilm(grad), asFilm(x), weight, /*bias_sizes=*/at::OptionalIntArrayRef({weight.size(0)}),
        /*stride=*/{1, 1, 1}, /*padding=*/{0, around, around}, /*dilation=*/{1, 1, 1},
        /*transposed=*/false, /*output_padding=*/{0, 0, 0}, /*groups=*/1, wanted);
    if (wanted[0]) result[0] = asFrames(of_x);
    if (wanted[1]) result[1] = of_weight;
    return result;
  }
};

}  // namespace

at::Tensor convolveOverTime(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const bool records =
      c10::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad());
  return records ? ConvolutionOverTime::apply(x, weight, bias) : product(x, weight, bias);
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
  const bool alone = history.isFirst() && room.size(0) == kBefore + 1;
  history.fill(room, kBefore, before_);
  const at::Tensor weight = weight_.like(room), bias = bias_.like(room);
  if (!alone) return convolveOverTime(room, weight, bias);
  // A picture, or a film's first frame by itself: what the taps before it see is zeros, or the frame again.
  const at::Tensor tap =
      before_ == BeforeFilm::Zeros ? weight.narrow(2, kBefore, 1) : weight.sum(2, /*keepdim=*/true);
  return convolveOverTime(room.narrow(0, kBefore, 1), tap, bias);
}

at::Tensor CausalConv3d::forwardCopied(const at::Tensor& frames, ChunkHistory& history) const {
  const at::Tensor given = room(frames.size(0), frames.size(1), frames);
  framesOf(given).copy_(frames);
  return forward(given, history);
}

}  // namespace cameo::nn
