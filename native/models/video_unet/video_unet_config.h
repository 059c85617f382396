#pragma once

#include "models/unet_config.h"

namespace cameo::models {

/// diffusers' UNetSpatioTemporalConditionModel.
struct VideoUNetConfig {
  /// How many numbers say what film is wanted: its rate, how much moves, how noisy the picture is.
  static constexpr int64_t kTimeIds = 3;

  UNetConfig unet;
  int64_t time_id_channels = 256;  // of the sinusoids of each of these numbers
  int64_t frames = 25;             // of the films it was trained on

  /// Throws `ErrorCode::WeightsFormat`.
  static VideoUNetConfig read(const Config& config);
};

}  // namespace cameo::models
