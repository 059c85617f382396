#pragma once

#include "families/stable_diffusion/conditioner.h"
#include "models/control/controlnet.h"
#include "pipeline/control_options.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

struct StableDiffusion;

/// A ControlNet with the frames' conditions. Its weights are on the device as long as it lives.
class ControlConditioner : public Conditioner {
 public:
  /// `embedded` (F, C, h, w): what the network made of the conditions. `unconditional`: how many branches
  /// have the negative prompt.
  ControlConditioner(const StableDiffusion& model, models::ControlNet& control,
                     const pipeline::ControlOptions& options, const at::Tensor& embedded,
                     int64_t unconditional);

  void apply(models::UNetInput& input, const Evaluated& what) override;

 private:
  bool actsAt(const pipeline::Moment& moment) const;
  models::ControlResiduals residuals(const models::UNetInput& input, const pipeline::FrameWindow& window,
                                     int64_t first_row) const;

  const models::ControlNet& control_;
  const pipeline::DeviceVisit visit_;
  const pipeline::ControlOptions options_;
  const at::Tensor embedded_;
  const int64_t latent_channels_;
  const int64_t unconditional_;
};

}  // namespace cameo::families
