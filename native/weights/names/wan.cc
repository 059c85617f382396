#include "weights/names/wan.h"

#include <c10/util/StringUtil.h>

namespace cameo::weights {

namespace {

NameTable wanAttentionNames() {
  NameTable names;
  names.add("q", "to_q");
  names.add("k", "to_k");
  names.add("v", "to_v");
  names.add("o", "to_out.0");
  names.add("norm_q", "norm_q");
  names.add("norm_k", "norm_k");
  // Of models that see a picture.
  names.add("k_img", "add_k_proj");
  names.add("v_img", "add_v_proj");
  names.add("norm_k_img", "norm_added_k");
  return names;
}

NameTable wanBlockNames() {
  NameTable names;
  const NameTable attention = wanAttentionNames();
  names.add("modulation", "scale_shift_table");
  names.addAll(attention, "self_attn.", "attn1.");
  names.addAll(attention, "cross_attn.", "attn2.");
  names.add("norm3", "norm2");
  names.add("ffn.0", "ffn.net.0.proj");
  names.add("ffn.2", "ffn.net.2");
  // Of VACE's.
  names.add("before_proj", "proj_in");
  names.add("after_proj", "proj_out");
  return names;
}

NameTable wanTextBlockNames() {
  NameTable names;
  for (const char* part : {"q", "k", "v", "o"}) {
    names.add(c10::str("attn.", part), c10::str("layer.0.SelfAttention.", part));
  }
  names.add("pos_embedding.embedding", "layer.0.SelfAttention.relative_attention_bias");
  names.add("norm1", "layer.0.layer_norm");
  names.add("norm2", "layer.1.layer_norm");
  names.add("ffn.gate.0", "layer.1.DenseReluDense.wi_0");
  names.add("ffn.fc1", "layer.1.DenseReluDense.wi_1");
  names.add("ffn.fc2", "layer.1.DenseReluDense.wo");
  return names;
}

}  // namespace

NameTable wanTransformerNames(int64_t layers) {
  NameTable names;
  names.add("patch_embedding", "patch_embedding");
  names.add("time_embedding.0", "condition_embedder.time_embedder.linear_1");
  names.add("time_embedding.2", "condition_embedder.time_embedder.linear_2");
  names.add("time_projection.1", "condition_embedder.time_proj");
  names.add("text_embedding.0", "condition_embedder.text_embedder.linear_1");
  names.add("text_embedding.2", "condition_embedder.text_embedder.linear_2");
  names.add("head.modulation", "scale_shift_table");
  names.add("head.head", "proj_out");
  // Of models that see a picture.
  const std::string image = "condition_embedder.image_embedder.";
  names.add("img_emb.proj.0", image + "norm1");
  names.add("img_emb.proj.1", image + "ff.net.0.proj");
  names.add("img_emb.proj.3", image + "ff.net.2");
  names.add("img_emb.proj.4", image + "norm2");
  names.add("img_emb.emb_pos", image + "pos_embed");
  const NameTable block = wanBlockNames();
  names.add("vace_patch_embedding", "vace_patch_embedding");
  for (const char* of : {"blocks.", "vace_blocks."}) {
    for (int64_t i = 0; i < layers; ++i) names.addAll(block, c10::str(of, i, "."), c10::str(of, i, "."));
  }
  return names;
}

NameTable wanTextNames(int64_t layers) {
  NameTable names;
  names.add("token_embedding", "shared");
  names.add("norm", "encoder.final_layer_norm");
  const NameTable block = wanTextBlockNames();
  for (int64_t i = 0; i < layers; ++i) {
    names.addAll(block, c10::str("blocks.", i, "."), c10::str("encoder.block.", i, "."));
  }
  return names;
}

}  // namespace cameo::weights
