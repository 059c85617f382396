#include "models/vae_config.h"

#include <c10/util/StringUtil.h>

namespace cameo::models {

namespace {

void requireBlocks(const Config& config, const char* field, const char* type, size_t count) {
  const auto types = config.texts(field, std::vector<std::string>(count, type));
  if (types != std::vector<std::string>(count, type)) {
    config.fail(field, c10::str("it must list ", type, " ", count, " times"));
  }
}

}  // namespace

VaeConfig VaeConfig::read(const Config& config) {
  VaeConfig vae;
  vae.image_channels = config.integer("in_channels", 3);
  if (vae.image_channels != 3) config.fail("in_channels", "pictures have 3 channels");
  if (config.integer("out_channels", 3) != 3) config.fail("out_channels", "pictures have 3 channels");
  vae.latent_channels = config.integer("latent_channels", 4);
  vae.block_out_channels = config.integerList("block_out_channels", {64});
  requireBlocks(config, "down_block_types", "DownEncoderBlock2D", vae.block_out_channels.size());
  requireBlocks(config, "up_block_types", "UpDecoderBlock2D", vae.block_out_channels.size());
  config.requireUnset("latents_mean");
  config.requireUnset("latents_std");
  vae.layers_per_block = config.integer("layers_per_block", 1, 1, Config::kMostLayers);
  vae.groups = config.integer("norm_num_groups", 32);
  vae.activation = nn::parseActivation(config.text("act_fn", "silu"));
  vae.mid_attention = config.boolean("mid_block_add_attention", true);
  vae.quant_conv = config.boolean("use_quant_conv", true);
  vae.temporal_decoder = config.text("_class_name", "AutoencoderKL") == "AutoencoderKLTemporalDecoder";
  vae.post_quant_conv = config.boolean("use_post_quant_conv", !vae.temporal_decoder);
  vae.scaling_factor = config.number("scaling_factor", 0.18215);
  vae.shift_factor = config.number("shift_factor", 0);
  vae.sample_size = config.integers("sample_size", 2, 32).front();  // as diffusers' tiles are
  vae.force_upcast = config.boolean("force_upcast", true);
  return vae;
}

nn::ResnetConfig vaeResnet(const VaeConfig& config, int64_t in, int64_t out) {
  return {.in = in, .out = out, .groups = config.groups, .eps = kVaeEps, .activation = config.activation};
}

}  // namespace cameo::models
