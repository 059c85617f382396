#pragma once

#include "families/cogvideox/cogvideox.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// What a request's texts and its picture become for the transformer.
struct CogVideoXConditions {
  at::Tensor text;   // (branches, tokens, D)
  at::Tensor image;  // (1, F, C, h, w), fp32, zeros but for the first latents; undefined without a picture
};

/// CogVideoX's transformer, whose weights are on the device as long as it lives.
class CogVideoXDenoiser : public pipeline::Denoiser {
 public:
  CogVideoXDenoiser(const CogVideoX& model, CogVideoXConditions conditions);

  int64_t branches() const override { return conditions_.text.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 private:
  const CogVideoX& model_;
  const pipeline::DeviceVisit visit_;
  CogVideoXConditions conditions_;

  // Of the evaluation that was begun.
  at::Tensor latents_;
  pipeline::Moment moment_;
  int64_t count_ = 0;
};

}  // namespace cameo::families
