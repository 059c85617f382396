#pragma once

#include "families/wan/wan.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// Wan's transformer, whose weights are on the device as long as it lives.
class WanDenoiser : public pipeline::Denoiser {
 public:
  /// `reads`: which of the texts each branch reads, (branches), int64, on the CPU.
  WanDenoiser(const Wan& model, models::WanReads texts, at::Tensor reads);

  int64_t branches() const override { return reads_.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 protected:
  const Wan& model() const { return model_; }
  /// What a network beside the transformer adds to its tokens; null: there is none.
  virtual models::WanHints* hints() { return nullptr; }

  // Of the evaluation that was begun.
  at::Tensor latents_;
  int64_t count_ = 0;

 private:
  const Wan& model_;
  const pipeline::DeviceVisit visit_;
  models::WanReads texts_;
  at::Tensor reads_;
  pipeline::Moment moment_;
};

}  // namespace cameo::families
