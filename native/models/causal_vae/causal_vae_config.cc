#include "models/causal_vae/causal_vae_config.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

namespace cameo::models {

namespace {

/// Frames are encoded eight together: at the end there has to be a latent of them.
constexpr int64_t kMostTimeScale = 8;

void requireCausalBlocks(const Config& config, const char* field, const char* type, size_t count) {
  const auto types = config.texts(field, std::vector<std::string>(count, type));
  if (types != std::vector<std::string>(count, type)) {
    config.fail(field, c10::str("it must list ", type, " ", count, " times"));
  }
}

/// The number may be written as 4 or as 4.0.
int64_t readTimeScale(const Config& config, size_t blocks) {
  const double scale = config.number("temporal_compression_ratio", 4);
  const int64_t most = std::min<int64_t>(kMostTimeScale, int64_t{1} << (blocks - 1));
  for (int64_t allowed = 1; allowed <= most; allowed *= 2) {
    if (scale == static_cast<double>(allowed)) return allowed;
  }
  config.fail("temporal_compression_ratio",
              c10::str("it must be a power of two, ", most, " at most with ", blocks, " blocks"));
}

/// diffusers' convolution has as many channels as a picture has, whatever latents have.
bool readQuant(const Config& config, const char* field, int64_t latent_channels) {
  const bool has = config.boolean(field, false);
  if (has && latent_channels != 3) config.fail(field, "it goes with 3 latent channels alone");
  return has;
}

}  // namespace

int64_t CausalVaeConfig::timeLevels() const {
  int64_t levels = 0;
  while (int64_t{1} << levels < time_scale) ++levels;
  return levels;
}

CausalVaeConfig CausalVaeConfig::read(const Config& config) {
  CausalVaeConfig vae;
  vae.image_channels = config.integer("in_channels", 3);
  if (vae.image_channels != 3) config.fail("in_channels", "pictures have 3 channels");
  if (config.integer("out_channels", 3) != 3) config.fail("out_channels", "pictures have 3 channels");
  vae.latent_channels = config.integer("latent_channels", 16);
  vae.block_out_channels = config.integerList("block_out_channels", {128, 256, 256, 512});
  const size_t blocks = vae.block_out_channels.size();
  requireCausalBlocks(config, "down_block_types", "CogVideoXDownBlock3D", blocks);
  requireCausalBlocks(config, "up_block_types", "CogVideoXUpBlock3D", blocks);
  config.requireUnset("shift_factor", 0);
  config.requireUnset("latents_mean");
  config.requireUnset("latents_std");
  vae.layers_per_block = config.integer("layers_per_block", 3, 1, Config::kMostLayers);
  vae.groups = config.integer("norm_num_groups", 32);
  vae.eps = config.number("norm_eps", 1e-6, 0, 1);
  vae.activation = nn::parseActivation(config.text("act_fn", "silu"));
  vae.time_scale = readTimeScale(config, blocks);
  vae.quant_conv = readQuant(config, "use_quant_conv", vae.latent_channels);
  vae.post_quant_conv = readQuant(config, "use_post_quant_conv", vae.latent_channels);
  vae.scaling_factor = config.number("scaling_factor", 1.15258426, 1e-6, 1e6);
  vae.invert_scale_latents = config.boolean("invert_scale_latents", false);
  vae.tile_height = config.integer("sample_height", 480, 2) / 2;
  vae.tile_width = config.integer("sample_width", 720, 2) / 2;
  vae.force_upcast = config.boolean("force_upcast", true);
  return vae;
}

}  // namespace cameo::models
