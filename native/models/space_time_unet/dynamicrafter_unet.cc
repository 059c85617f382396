#include "models/space_time_unet/dynamicrafter_unet.h"

namespace cameo::models {

DynamiCrafterUNet::DynamiCrafterUNet(const SpaceTimeConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      unet_(std::make_unique<SpaceTimeUNet>(Scope(*parameters_), config, config.unet.in_channels)) {}

SpaceTimeConfig DynamiCrafterUNet::readConfig(const Config& config) {
  return SpaceTimeConfig::read(config, {"DownBlock2D", "CrossAttnDownBlock2D"},
                               {"UpBlock2D", "CrossAttnUpBlock2D"});
}

std::vector<CrossAttention> DynamiCrafterUNet::crossAttentionsOf(const SpaceTimeConfig& config) {
  std::vector<CrossAttention> attentions = crossAttentions(config.unet);
  for (CrossAttention& attention : attentions) attention.channels -= attention.channels % config.head_dim;
  return attentions;
}

}  // namespace cameo::models
