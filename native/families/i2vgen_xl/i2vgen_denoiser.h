#pragma once

#include "families/i2vgen_xl/i2vgen_xl.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

/// What a request says and shows, encoded: a row for each branch, in the pipeline's dtype.
struct I2VGenSources {
  at::Tensor text;     // (branches, S, D)
  at::Tensor embeds;   // (branches, 1, D): what CLIP says of the picture
  at::Tensor latents;  // (F, C, h, w): what each frame is shown of it
  double fps = 16;
};

/// I2VGen-XL's UNet, whose weights are on the device as long as it lives.
class I2VGenDenoiser : public pipeline::Denoiser {
 public:
  I2VGenDenoiser(const I2VGenXl& model, const I2VGenSources& sources);

  int64_t branches() const override { return conditions_.context.size(0); }
  void begin(const at::Tensor& latents, const pipeline::Moment& moment, int64_t count) override;
  at::Tensor input(const pipeline::FrameWindow& window) override;
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow& window, int64_t first) override;

 private:
  const I2VGenXl& model_;
  const pipeline::DeviceVisit visit_;
  models::I2VGenConditions conditions_;

  // Of the evaluation that was begun.
  at::Tensor latents_;
  double time_ = 0;
  int64_t count_ = 0;
};

}  // namespace cameo::families
