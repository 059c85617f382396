#include "models/dit/wan_config.h"

#include <c10/util/StringUtil.h>

namespace cameo::models {

namespace {

constexpr int64_t kMostHeads = 1024, kMostHeadSize = 1024, kMostWanPatch = 16;

PatchSize readWanPatch(const Config& config) {
  if (!config.has("patch_size")) return {.frames = 1, .side = 2};
  const std::vector<int64_t> sizes = config.integers("patch_size", 3, 2, kMostWanPatch);
  if (sizes[0] != 1 || sizes[1] != sizes[2]) {
    config.fail("patch_size", "a patch must be of one latent in time and as wide as it is high");
  }
  return {.frames = 1, .side = sizes[1]};
}

}  // namespace

WanConfig WanConfig::read(const Config& config) {
  WanConfig wan;
  wan.heads = config.integer("num_attention_heads", 40, 1, kMostHeads);
  wan.head_size = config.integer("attention_head_dim", 128, 2, kMostHeadSize);
  wan.in_channels = config.integer("in_channels", 16);
  wan.out_channels = config.integer("out_channels", wan.in_channels);
  wan.text_dim = config.integer("text_dim", 4096);
  wan.time_channels = config.integer("freq_dim", 256, 2);
  wan.hidden = config.integer("ffn_dim", 13824);
  wan.layers = config.integer("num_layers", 40, 1, Config::kMostLayers);
  wan.patch = readWanPatch(config);
  wan.most_places = config.integer("rope_max_seq_len", 1024);
  wan.eps = config.number("eps", 1e-6, 0, 1);
  wan.norms_before_text = config.boolean("cross_attn_norm", true);
  if (wan.head_size % 2 != 0)
    config.fail("attention_head_dim", "it must be even: pairs of numbers are turned");
  wan.attends_to_image = config.has("added_kv_proj_dim");
  if (wan.attends_to_image && config.integer("added_kv_proj_dim") != wan.dim()) {
    config.fail("added_kv_proj_dim", c10::str("it must be num_attention_heads times attention_head_dim, ",
                                              wan.dim(), ", to which pictures' tokens are brought"));
  }
  if (config.has("image_dim")) wan.image_dim = config.integer("image_dim");
  if (config.has("pos_embed_seq_len")) wan.image_tokens_pair = config.integer("pos_embed_seq_len");
  const auto ofFilms = [&](const char* field, int64_t least, int64_t most) -> std::optional<int64_t> {
    if (!config.has(field)) return std::nullopt;
    return config.integer(field, least, least, most);
  };
  wan.sample_width = ofFilms("sample_width", wan.patch.side, kMostSampleSide);
  wan.sample_height = ofFilms("sample_height", wan.patch.side, kMostSampleSide);
  wan.sample_frames = ofFilms("sample_frames", 1, kMostSampleFrames);
  return wan;
}

}  // namespace cameo::models
