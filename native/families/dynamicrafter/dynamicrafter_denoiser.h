#pragma once

#include "families/dynamicrafter/dynamicrafter.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// What a request says and shows, encoded, with a row for each branch, in the pipeline's dtype.
struct DynamiCrafterSources {
  at::Tensor text;           // (branches, S, D), or (branches, F, S, D) where frames read tokens of their own
  nn::ImagePrompts picture;  // of all branches, or of all their frames
  at::Tensor shown;          // (1, F, C, h, w), fp32: the picture's latents beside each frame's
  double rate = 0;
};

/// DynamiCrafter's UNet, whose weights are on the device as long as it lives.
class DynamiCrafterDenoiser : public pipeline::Denoiser {
 public:
  DynamiCrafterDenoiser(const DynamiCrafter& model, DynamiCrafterSources sources);

  int64_t branches() const override { return sources_.text.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 private:
  const DynamiCrafter& model_;
  const pipeline::DeviceVisit visit_;
  DynamiCrafterSources sources_;
  at::Tensor rate_;

  // Of the evaluation that was begun.
  at::Tensor latents_;
  double time_ = 0;
  int64_t count_ = 0;
};

}  // namespace cameo::families
