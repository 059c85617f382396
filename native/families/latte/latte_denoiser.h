#pragma once

#include "families/latte/latte.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// Latte's transformer, whose weights are on the device as long as it lives.
class LatteDenoiser : public pipeline::Denoiser {
 public:
  /// `text`: the states of each branch's prompt, (branches, S, D).
  LatteDenoiser(const Latte& model, at::Tensor text);

  int64_t branches() const override { return text_.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 private:
  const Latte& model_;
  const pipeline::DeviceVisit visit_;
  at::Tensor text_;

  // Of the evaluation that was begun.
  at::Tensor latents_;
  pipeline::Moment moment_;
  int64_t count_ = 0;
};

}  // namespace cameo::families
