#pragma once

#include <memory>

#include "models/cross_attentions.h"
#include "models/space_time_unet/space_time_unet.h"

namespace cameo::models {

/// The UNet of DynamiCrafter (arXiv 2310.12190): it is shown a picture's latents beside each frame's, and
/// reads a text and, as an image prompt, tokens of the picture.
class DynamiCrafterUNet {
 public:
  explicit DynamiCrafterUNet(const SpaceTimeConfig& config);

  /// Throws `ErrorCode::WeightsFormat`.
  static SpaceTimeConfig readConfig(const Config& config);
  /// What reads the text, as wide as it is.
  static std::vector<CrossAttention> crossAttentionsOf(const SpaceTimeConfig& config);

  const SpaceTimeUNet& unet() const { return *unet_; }
  const SpaceTimeConfig& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  SpaceTimeConfig config_;
  std::unique_ptr<ParameterSet> parameters_;
  std::unique_ptr<SpaceTimeUNet> unet_;
};

}  // namespace cameo::models
