#pragma once

#include "families/stable_video_diffusion/stable_video_diffusion.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// What a request's picture and numbers become for the UNet.
struct VideoConditions {
  at::Tensor picture;   // (1, 1, D): what CLIP says of it
  at::Tensor latents;   // (1, C, h, w), unscaled, fp32
  at::Tensor time_ids;  // (1, VideoUNetConfig::kTimeIds), fp32
  bool guided = true;   // whether there is a branch without the picture, before the one with it
};

/// Stable Video Diffusion's UNet, whose weights are on the device as long as it lives.
class VideoDenoiser : public pipeline::Denoiser {
 public:
  VideoDenoiser(const StableVideoDiffusion& model, VideoConditions conditions);

  int64_t branches() const override { return conditions_.picture.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 private:
  const StableVideoDiffusion& model_;
  const pipeline::DeviceVisit visit_;
  VideoConditions conditions_;  // of all branches

  // Of the evaluation that was begun.
  at::Tensor latents_;
  pipeline::Moment moment_;
  int64_t count_ = 0;
};

}  // namespace cameo::families
