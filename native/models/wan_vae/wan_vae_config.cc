#include "models/wan_vae/wan_vae_config.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

namespace cameo::models {

namespace {

/// What the released code has in it, and diffusers where a config says nothing.
const std::vector<double> kLatentsMean{-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,
                                       -0.1517, 1.5508,  0.4134,  -0.0715, 0.5517,  -0.3632,
                                       -0.1922, -0.9497, 0.2503,  -0.2921};
const std::vector<double> kLatentsStd{2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
                                      3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160};
/// A film is encoded four frames at a time.
constexpr int64_t kMostWanTimeScale = 4;

std::vector<double> readOfChannels(const Config& config, const char* field, int64_t channels,
                                   const std::vector<double>& fallback) {
  auto values = config.has(field) ? config.numbers(field, Config::kMostEntries) : fallback;
  if (static_cast<int64_t>(values.size()) != channels) {
    config.fail(field, c10::str("it must have a number for each of ", channels, " channels"));
  }
  return values;
}

std::vector<bool> readHalvings(const Config& config, size_t count) {
  std::vector<bool> halves(count, true);
  if (!halves.empty()) halves.front() = count < 3;
  const char* field = "temperal_downsample";
  if (!config.has(field)) return halves;
  const nlohmann::json& list = config.value(field);
  if (!list.is_array() || list.size() != count) {
    config.fail(field, c10::str("it must list true or false ", count, " times"));
  }
  for (size_t i = 0; i < count; ++i) {
    if (!list[i].is_boolean()) config.fail(field, "it must list true or false");
    halves[i] = list[i].get<bool>();
  }
  return halves;
}

std::vector<int64_t> multiplied(const std::vector<int64_t>& factors, int64_t by) {
  std::vector<int64_t> result;
  for (const int64_t factor : factors) result.push_back(factor * by);
  return result;
}

}  // namespace

int64_t WanVaeConfig::timeScale() const {
  return int64_t{1} << std::count(halves_time.begin(), halves_time.end(), true);
}

WanVaeConfig WanVaeConfig::read(const Config& config) {
  WanVaeConfig vae;
  for (const char* field : {"in_channels", "out_channels"}) {
    if (config.integer(field, 3) != 3) config.fail(field, "pictures have 3 channels");
  }
  config.requireUnset("is_residual");
  config.requireUnset("patch_size", 1);
  config.requireUnset("attn_scales", nlohmann::json::array());
  vae.latent_channels = config.integer("z_dim", 16);
  const auto factors = config.integerList("dim_mult", {1, 2, 4, 4}, 64);
  const int64_t dim = config.integer("base_dim", 96);
  vae.encoder_channels = multiplied(factors, dim);
  vae.decoder_channels = multiplied(factors, config.integer("decoder_base_dim", dim));
  for (size_t i = 1; i < factors.size(); ++i) {
    // Each block of the decoder but the last halves its channels.
    if (vae.decoder_channels[i] % 2 != 0)
      config.fail("dim_mult", "the decoder's blocks must have an even number of channels");
  }
  vae.layers_per_block = config.integer("num_res_blocks", 2, 1, Config::kMostLayers);
  vae.halves_time = readHalvings(config, factors.size() - 1);
  if (vae.timeScale() > kMostWanTimeScale) config.fail("temperal_downsample", "time is halved twice at most");
  if (config.integer("scale_factor_temporal", vae.timeScale()) != vae.timeScale()) {
    config.fail("scale_factor_temporal", c10::str("temperal_downsample makes it ", vae.timeScale()));
  }
  if (config.integer("scale_factor_spatial", vae.scale()) != vae.scale()) {
    config.fail("scale_factor_spatial", c10::str("dim_mult makes it ", vae.scale()));
  }
  vae.latents_mean = readOfChannels(config, "latents_mean", vae.latent_channels, kLatentsMean);
  vae.latents_std = readOfChannels(config, "latents_std", vae.latent_channels, kLatentsStd);
  for (const double deviation : vae.latents_std) {
    if (!(deviation > 0)) config.fail("latents_std", "they must be positive");
  }
  return vae;
}

}  // namespace cameo::models
