#include "models/control/control_config.h"

#include <map>

namespace cameo::models {

namespace {

const std::map<std::string, bool> kChannelOrders = {{"rgb", false}, {"bgr", true}};

/// Of the convolutions between pixels and latents: one halves the size, from each to the next.
constexpr size_t kMostHalvings = 6;

std::vector<int64_t> readEmbedding(const Config& config) {
  const char* field = "conditioning_embedding_out_channels";
  auto channels = config.integerList(field, {16, 32, 96, 256});
  if (channels.size() > kMostHalvings + 1) config.fail(field, "a list of at most 7 is allowed");
  return channels;
}

MotionConfig readSparseMotion(const Config& config, const UNetConfig& unet) {
  MotionConfig motion;
  motion.attentions = 1;
  motion.heads = config.integers("motion_num_attention_heads", unet.blocks(), 8);
  motion.layers =
      config.integers("temporal_transformer_layers_per_block", unet.blocks(), 1, Config::kMostLayers);
  motion.max_images = config.integer("motion_max_seq_length", 32);
  for (size_t i = 0; i < unet.blocks(); ++i) {
    if (unet.block_out_channels[i] % motion.heads[i] != 0) {
      config.fail("motion_num_attention_heads", "it must divide every entry of block_out_channels");
    }
  }
  return motion;
}

ControlConfig readControlNet(const Config& config) {
  ControlConfig control;
  control.unet = UNetConfig::readWayDown(config, {"DownBlock2D", "CrossAttnDownBlock2D"});
  control.condition_channels = config.integer("conditioning_channels", 3);
  if (control.condition_channels != 3) config.fail("conditioning_channels", "3 is known: RGB");
  control.embedding = readEmbedding(config);
  return control;
}

ControlConfig readSparse(const Config& config) {
  ControlConfig control;
  control.unet = UNetConfig::readWayDown(config, {"DownBlockMotion", "CrossAttnDownBlockMotion"}, 768);
  UNetConfig& unet = control.unet;
  unet.downsample_padding = 1;  // diffusers' network doesn't heed it
  unet.mid_transformer_layers =
      config.integer("transformer_layers_per_mid_block", unet.mid_transformer_layers, 1, Config::kMostLayers);
  unet.motion = readSparseMotion(config, unet);
  control.condition_channels = config.integer("conditioning_channels", 4);
  control.takes_mask = config.boolean("concat_conditioning_mask", true);
  if (!config.boolean("use_simplified_condition_embedding", true)) control.embedding = readEmbedding(config);
  const int64_t known = control.takesLatents() ? unet.in_channels : 3;
  if (control.condition_channels != known) {
    config.fail("conditioning_channels", control.takesLatents()
                                             ? "it must be in_channels, as the conditions are latents"
                                             : "3 is known, as the conditions are RGB pixels");
  }
  return control;
}

}  // namespace

ControlConfig ControlConfig::read(const Config& config) {
  const bool is_sparse = config.text("_class_name", "ControlNetModel") == "SparseControlNetModel";
  ControlConfig control = is_sparse ? readSparse(config) : readControlNet(config);
  control.is_bgr = config.oneOf("controlnet_conditioning_channel_order", kChannelOrders, false);
  control.pools = config.boolean("global_pool_conditions", false);
  return control;
}

}  // namespace cameo::models
