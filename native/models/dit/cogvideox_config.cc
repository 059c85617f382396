#include "models/dit/cogvideox_config.h"

namespace cameo::models {

namespace {

constexpr int64_t kMostTextTokens = 4096, kMostPatch = 16;

void readPatches(const Config& config, CogVideoXConfig& model) {
  model.patch.side = config.integer("patch_size", 2, 1, kMostPatch);
  model.patches_over_time = config.has("patch_size_t");
  if (model.patches_over_time) model.patch.frames = config.integer("patch_size_t", 1, 1, kMostPatch);
  // diffusers' layer for patches over time has a bias whatever this says.
  model.patch_bias = config.boolean("patch_bias", true) || model.patches_over_time;
}

void readPositions(const Config& config, CogVideoXConfig& model) {
  model.sample_width = config.integer("sample_width", 90, model.patch.side, kMostSampleSide);
  model.sample_height = config.integer("sample_height", 60, model.patch.side, kMostSampleSide);
  model.sample_frames = config.integer("sample_frames", 49, 1, kMostSampleFrames);
  model.frames_per_latent = config.integer("temporal_compression_ratio", 4, 1, 64);
  model.scales.space = config.number("spatial_interpolation_scale", 1.875, 1e-3, 1e3);
  model.scales.time = config.number("temporal_interpolation_scale", 1, 1e-3, 1e3);
  model.rotary = config.boolean("use_rotary_positional_embeddings", false);
  model.learned_positions = config.boolean("use_learned_positional_embeddings", false);
  if (model.rotary && model.head_size % 16 != 0) {
    config.fail("attention_head_dim", "with rotary positions it must be a multiple of 16");
  }
  if (!model.rotary && model.learned_positions) {
    config.fail("use_learned_positional_embeddings", "it goes with use_rotary_positional_embeddings alone");
  }
  if (!model.rotary && model.dim() % 16 != 0) {
    config.fail("num_attention_heads",
                "without rotary positions, times attention_head_dim it must be a multiple of 16");
  }
  if (model.patches_over_time && (!model.rotary || model.learned_positions)) {
    config.fail("patch_size_t", "it goes with rotary positions alone");
  }
}

}  // namespace

CogVideoXConfig CogVideoXConfig::read(const Config& config) {
  CogVideoXConfig model;
  model.heads = config.integer("num_attention_heads", 30, 1, 1024);
  model.head_size = config.integer("attention_head_dim", 64, 1, 1024);
  model.in_channels = config.integer("in_channels", 16);
  model.out_channels = config.integer("out_channels", 16);
  model.layers = config.integer("num_layers", 30, 1, Config::kMostLayers);
  model.time_channels = config.integer("time_embed_dim", 512);
  if (config.has("ofs_embed_dim")) {
    model.offset_channels = config.integer("ofs_embed_dim", 512);
    if (model.offset_channels != model.time_channels) {
      config.fail("ofs_embed_dim", "it must be time_embed_dim, to which it is added");
    }
  }
  model.flip_sin_to_cos = config.boolean("flip_sin_to_cos", true);
  model.freq_shift = config.number("freq_shift", 0, 0, 1);
  model.time_activation = nn::parseActivation(config.text("timestep_activation_fn", "silu"));
  model.text_dim = config.integer("text_embed_dim", 4096);
  model.text_tokens = config.integer("max_text_seq_length", 226, 1, kMostTextTokens);
  model.attention_bias = config.boolean("attention_bias", true);
  model.activation = config.text("activation_fn", "gelu-approximate");
  model.norm_affine = config.boolean("norm_elementwise_affine", true);
  model.norm_eps = config.number("norm_eps", 1e-5, 0, 1);
  readPatches(config, model);
  readPositions(config, model);
  return model;
}

}  // namespace cameo::models
