#include "nn/resnet.h"

#include <ATen/ATen.h>

#include "core/cancellation.h"

namespace cameo::nn {

ResnetBlock::ResnetBlock(const Scope& scope, const ResnetConfig& config)
    : config_(config),
      norm1_(scope / "norm1", config.groups, config.in, config.eps),
      conv1_(scope / "conv1", {.in = config.in, .out = config.out}),
      norm2_(scope / "norm2", config.groups, config.out, config.eps),
      conv2_(scope / "conv2", {.in = config.out, .out = config.out}) {
  if (config.time_channels > 0) {
    time_emb_proj_.emplace(scope / "time_emb_proj", config.time_channels, config.out);
  }
  if (config.in != config.out) {
    conv_shortcut_.emplace(scope / "conv_shortcut",
                           Conv2dConfig{.in = config.in, .out = config.out, .kernel = 1, .padding = 0});
  }
}

at::Tensor ResnetBlock::forward(const at::Tensor& x, const at::Tensor& time) const {
  throwIfCancelled();
  at::Tensor h = conv1_.forward(norm1_.forward(x, config_.activation));
  if (time_emb_proj_) {
    const at::Tensor shift = time_emb_proj_->forward(activate(config_.activation, time.clone()));  // (B, out)
    // (N, C, H, W) as (B, N / B, C, H, W): all images of a sample share its timestep.
    h.unflatten(0, {shift.size(0), -1}).add_(shift.unsqueeze(1).unsqueeze(-1).unsqueeze(-1));
  }
  h = conv2_.forward(norm2_.forward(h, config_.activation));
  h.add_(conv_shortcut_ ? conv_shortcut_->forward(x) : x);
  return config_.output_scale == 1 ? h : h.div_(config_.output_scale);
}

Downsample::Downsample(const Scope& scope, int64_t channels, int64_t padding)
    : asymmetric_(padding == 0),
      conv_(scope / "conv", {.in = channels, .out = channels, .stride = 2, .padding = padding}) {}

at::Tensor Downsample::forward(const at::Tensor& x) const {
  return conv_.forward(asymmetric_ ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x);
}

Upsample::Upsample(const Scope& scope, int64_t channels)
    : conv_(scope / "conv", {.in = channels, .out = channels}) {}

at::Tensor Upsample::forward(const at::Tensor& x, int64_t height, int64_t width) const {
  return conv_.forward(at::upsample_nearest2d(x, {height, width}));
}

}  // namespace cameo::nn
