#include "models/dit/latte_config.h"

#include <c10/util/StringUtil.h>

namespace cameo::models {

LatteConfig LatteConfig::read(const Config& config) {
  LatteConfig latte;
  latte.heads = config.integer("num_attention_heads", 16);
  latte.head_dim = config.integer("attention_head_dim", 88);
  latte.in_channels = config.integer("in_channels");
  latte.out_channels = config.integer("out_channels", latte.in_channels);
  latte.layers = config.integer("num_layers", 1, 1, Config::kMostLayers);
  latte.text_channels = config.integer("caption_channels");
  latte.sample_size = config.integer("sample_size", 64);
  latte.patch = config.integer("patch_size");
  latte.frames = config.integer("video_length", 16);
  latte.qkv_bias = config.boolean("attention_bias", false);
  latte.affine_norms = config.boolean("norm_elementwise_affine", true);
  latte.eps = config.number("norm_eps", 1e-5, 0, 1);
  latte.activation = config.text("activation_fn", "geglu");
  if (config.text("norm_type", "layer_norm") != "ada_norm_single") {
    config.fail("norm_type", "of this transformer \"ada_norm_single\" is known");
  }
  if (config.integer("cross_attention_dim") != latte.dim()) {
    config.fail("cross_attention_dim", c10::str("it must be num_attention_heads times attention_head_dim, ",
                                                latte.dim(), ", to which the prompt's states are brought"));
  }
  if (latte.dim() % 4 != 0)
    config.fail("attention_head_dim", "times num_attention_heads it must be a multiple of 4");
  if (latte.patch > latte.sample_size) config.fail("patch_size", "it must be at most sample_size");
  return latte;
}

}  // namespace cameo::models
