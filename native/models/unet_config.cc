#include "models/unet_config.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"

namespace cameo::models {

namespace {

/// Block type names to whether the block has spatial transformers.
std::vector<bool> readBlockTypes(const Config& config, const char* field, const char* plain,
                                 const char* cross, std::vector<std::string> fallback) {
  std::vector<bool> attention;
  for (const std::string& name : config.texts(field, std::move(fallback))) {
    if (name != plain && name != cross) config.fail(field, c10::str(plain, " and ", cross, " are known"));
    attention.push_back(name == cross);
  }
  return attention;
}

void refuseOtherArchitectures(const Config& config) {
  for (const char* field :
       {"addition_embed_type", "class_embed_type", "num_class_embeds", "encoder_hid_dim",
        "encoder_hid_dim_type", "time_cond_proj_dim", "timestep_post_act", "time_embedding_dim",
        "time_embedding_act_fn", "cross_attention_norm", "only_cross_attention",
        "mid_block_only_cross_attention", "dual_cross_attention", "resnet_skip_time_act",
        "class_embeddings_concat", "center_input_sample", "reverse_transformer_layers_per_block"}) {
    config.requireUnset(field);
  }
  config.requireUnset("attention_type", "default");
  config.requireUnset("time_embedding_type", "positional");
  config.requireUnset("resnet_time_scale_shift", "default");
  config.requireUnset("resnet_out_scale_factor", 1.0);
  config.requireUnset("conv_in_kernel", 3);
  config.requireUnset("conv_out_kernel", 3);
  if (config.text("mid_block_type", "UNetMidBlock2DCrossAttn") != "UNetMidBlock2DCrossAttn") {
    config.fail("mid_block_type", "UNetMidBlock2DCrossAttn is known");
  }
}

/// In these configs `attention_head_dim` is, despite its name, the number of heads.
void readHeads(const Config& config, UNetConfig& unet) {
  const char* field = config.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  unet.heads = config.integers(field, unet.blocks(), 8);
  for (size_t i = 0; i < unet.blocks(); ++i) {
    if (unet.block_out_channels[i] % unet.heads[i] != 0) {
      config.fail(field, "every entry of block_out_channels must be divisible by its number of heads");
    }
  }
}

void requireEqual(const Config& motion, const char* field, const std::vector<int64_t>& mine,
                  const std::vector<int64_t>& unets) {
  if (mine == unets) return;
  const auto join = [](const std::vector<int64_t>& list) { return c10::Join(", ", list); };
  throw Error(ErrorCode::WeightsMismatch,
              c10::str(motion.owner(), ": these motion modules were made for another UNet: ", field, " is (",
                       join(mine), ") here and (", join(unets), ") in the base model"));
}

MotionConfig readMotion(const Config& config, const UNetConfig& unet) {
  config.requireUnset("conv_in_channels");
  requireEqual(config, "block_out_channels", config.integerList("block_out_channels", {320, 640, 1280, 1280}),
               unet.block_out_channels);
  requireEqual(config, "motion_layers_per_block",
               config.integers("motion_layers_per_block", unet.blocks(), 2, Config::kMostLayers),
               unet.layers_per_block);
  MotionConfig motion;
  motion.heads = config.integers("motion_num_attention_heads", unet.blocks(), 8);
  motion.layers =
      config.integers("motion_transformer_layers_per_block", unet.blocks(), 1, Config::kMostLayers);
  motion.max_images = config.integer("motion_max_seq_length", 32);
  motion.mid_block = config.boolean("use_motion_mid_block", true);
  motion.mid_layers = config.integer("motion_transformer_layers_per_mid_block", 1, 1, Config::kMostLayers);
  if (motion.mid_block && config.integer("motion_mid_block_layers_per_block", 1) != 1) {
    config.fail("motion_mid_block_layers_per_block", "1 is known");
  }
  for (size_t i = 0; i < unet.blocks(); ++i) {
    if (unet.block_out_channels[i] % motion.heads[i] != 0) {
      config.fail("motion_num_attention_heads", "it must divide every entry of block_out_channels");
    }
  }
  return motion;
}

}  // namespace

UNetConfig UNetConfig::readWayDown(const Config& config, const BlockNames& names, int64_t cross_attention_dim,
                                   bool with_heads) {
  refuseOtherArchitectures(config);
  UNetConfig unet;
  unet.in_channels = config.integer("in_channels", 4);
  unet.block_out_channels = config.integerList("block_out_channels", unet.block_out_channels);
  const size_t blocks = unet.blocks();
  unet.layers_per_block = config.integers("layers_per_block", blocks, 2, Config::kMostLayers);
  unet.down_attention = readBlockTypes(config, "down_block_types", names.plain, names.attending,
                                       {names.attending, names.attending, names.attending, names.plain});
  if (unet.down_attention.size() != blocks) config.fail("down_block_types", "it must list every block");
  unet.heads.assign(blocks, 1);
  if (with_heads) readHeads(config, unet);
  unet.transformer_layers = config.integers("transformer_layers_per_block", blocks, 1, Config::kMostLayers);
  unet.mid_transformer_layers = unet.transformer_layers.back();
  unet.cross_attention_dim = config.integers("cross_attention_dim", blocks, cross_attention_dim);
  unet.groups = config.integer("norm_num_groups", 32);
  unet.eps = config.number("norm_eps", 1e-5);
  unet.activation = nn::parseActivation(config.text("act_fn", "silu"));
  unet.linear_projection = config.boolean("use_linear_projection", false);
  unet.flip_sin_to_cos = config.boolean("flip_sin_to_cos", true);
  unet.freq_shift = config.number("freq_shift", 0);
  unet.downsample_padding = config.integer("downsample_padding", 1, 0, 1);
  unet.mid_output_scale = config.number("mid_block_scale_factor", 1);
  return unet;
}

UNetConfig UNetConfig::readBothWays(const Config& config, const BlockNames& down, const BlockNames& up,
                                    int64_t cross_attention_dim, bool with_heads) {
  UNetConfig unet = readWayDown(config, down, cross_attention_dim, with_heads);
  unet.out_channels = config.integer("out_channels", 4);
  unet.up_attention = readBlockTypes(config, "up_block_types", up.plain, up.attending,
                                     {up.plain, up.attending, up.attending, up.attending});
  if (unet.up_attention.size() != unet.blocks()) config.fail("up_block_types", "it must list every block");
  unet.sample_size = config.integers("sample_size", 2, 64);
  return unet;
}

UNetConfig UNetConfig::read(const Config& config, const Config* motion) {
  UNetConfig unet =
      readBothWays(config, {"DownBlock2D", "CrossAttnDownBlock2D"}, {"UpBlock2D", "CrossAttnUpBlock2D"});
  if (motion != nullptr) unet.motion = readMotion(*motion, unet);
  return unet;
}

}  // namespace cameo::models
