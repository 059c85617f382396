#include "weights/names/wan_clip.h"

#include <c10/util/StringUtil.h>

#include <utility>

#include "weights/names/name_table.h"
#include "weights/names/tensor_shapes.h"
#include "weights/row_parts.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kClipClass = "visual.cls_embedding", kClipPlaces = "visual.pos_embedding",
                           kClipHead = "visual.head";

NameTable wanClipNames(int64_t layers) {
  NameTable names;
  names.add("visual.patch_embedding", "vision_model.embeddings.patch_embedding");
  names.add("visual.pre_norm", "vision_model.pre_layrnorm");
  names.add("visual.post_norm", "vision_model.post_layernorm");
  for (int64_t i = 0; i < layers; ++i) {
    const std::string theirs = c10::str("visual.transformer.", i, "."),
                      ours = c10::str("vision_model.encoder.layers.", i, ".");
    for (const char* part : {"q", "k", "v"}) {
      names.add(c10::str(theirs, "attn.to_", part), c10::str(ours, "self_attn.", part, "_proj"));
    }
    names.add(theirs + "attn.proj", ours + "self_attn.out_proj");
    names.add(theirs + "norm1", ours + "layer_norm1");
    names.add(theirs + "norm2", ours + "layer_norm2");
    names.add(theirs + "mlp.0", ours + "mlp.fc1");
    names.add(theirs + "mlp.2", ours + "mlp.fc2");
  }
  return names;
}

/// Without the axes of size 1 in front.
void dropAxes(TensorEntry& entry, size_t axes) {
  if (entry.shape.size() <= axes) return;
  const auto front = static_cast<int64_t>(entry.shape.size() - axes);
  entry.shape.erase(entry.shape.begin(), entry.shape.begin() + front);
  entry.strides.erase(entry.strides.begin(), entry.strides.begin() + front);
}

/// With queries, keys and values apart, and as many axes as transformers' have.
std::shared_ptr<const TensorSource> withTheirShapes(const TensorSource& source) {
  auto result = std::make_shared<TensorSource>(withRowsApart(
      source, {{".attn.to_qkv.weight", {".attn.to_q.weight", ".attn.to_k.weight", ".attn.to_v.weight"}},
               {".attn.to_qkv.bias", {".attn.to_q.bias", ".attn.to_k.bias", ".attn.to_v.bias"}}}));
  for (TensorEntry& entry : result->entries) {
    if (entry.blocks != nullptr) continue;
    if (entry.name == kClipClass) dropAxes(entry, 1);
    if (entry.name == kClipPlaces) dropAxes(entry, 2);
    if (entry.name == kClipHead && entry.shape.size() == 2) {
      std::swap(entry.shape[0], entry.shape[1]);
      std::swap(entry.strides[0], entry.strides[1]);
    }
  }
  return result;
}

}  // namespace

Layer wanClipVision(const TensorSource& source) {
  const auto shaped = withTheirShapes(source);
  const int64_t layers =
      TensorShapes({shaped, [](std::string_view key) { return std::optional<std::string>(key); }})
          .count("visual.transformer.");
  return {shaped, [names = wanClipNames(layers)](std::string_view key) -> std::optional<std::string> {
            if (key == kClipClass) return "vision_model.embeddings.class_embedding";
            if (key == kClipPlaces) return "vision_model.embeddings.position_embedding.weight";
            if (key == kClipHead) return "visual_projection.weight";
            return names.toOurs(key);
          }};
}

}  // namespace cameo::weights
