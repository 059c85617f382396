#include "weights/names/open_clip.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "weights/row_parts.h"

namespace cameo::weights {

namespace {

using Names = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kResblocks = "transformer.resblocks.", kOpenProjection = "proj";

/// Of modules, and of tensors that belong to none.
const Names kTextNames{{"token_embedding.", "text_model.embeddings.token_embedding."},
                       {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
                       {"ln_final.", "text_model.final_layer_norm."}};
const Names kVisionNames{{"class_embedding", "vision_model.embeddings.class_embedding"},
                         {"positional_embedding", "vision_model.embeddings.position_embedding.weight"},
                         {"conv1.", "vision_model.embeddings.patch_embedding."},
                         {"ln_pre.", "vision_model.pre_layrnorm."},
                         {"ln_post.", "vision_model.post_layernorm."},
                         {kOpenProjection, "visual_projection.weight"}};
const Names kBlockNames{{"ln_1.", "layer_norm1."},
                        {"ln_2.", "layer_norm2."},
                        {"attn.", "self_attn."},
                        {"mlp.c_fc.", "mlp.fc1."},
                        {"mlp.c_proj.", "mlp.fc2."}};

/// None where no name begins so.
std::optional<std::string> begun(std::string_view key, const Names& names) {
  for (const auto& [theirs, ours] : names) {
    if (key.starts_with(theirs)) return std::string(ours) + std::string(key.substr(theirs.size()));
  }
  return std::nullopt;
}

/// What OpenCLIP calls `start`... with transformers' names, those of its layers behind `layers`.
KeyMap openClipNames(std::string_view start_of_all, const Names& names, std::string_view layers) {
  return [=, start = std::string(start_of_all)](std::string_view key) -> std::optional<std::string> {
    if (!key.starts_with(start)) return std::nullopt;
    key.remove_prefix(start.size());
    if (!key.starts_with(kResblocks)) return begun(key, names);
    key.remove_prefix(kResblocks.size());
    const size_t dot = std::min(key.find('.'), key.size() - 1);
    const auto name = begun(key.substr(dot + 1), kBlockNames);
    if (!name) return std::string(key);
    return c10::str(layers, key.substr(0, dot + 1), *name);
  };
}

/// With queries, keys and values apart, and the last projection as a linear layer has it.
std::shared_ptr<const TensorSource> withLinearLayers(const TensorSource& source, std::string_view start) {
  auto result = std::make_shared<TensorSource>(withRowsApart(
      source,
      {{".attn.in_proj_weight", {".attn.q_proj.weight", ".attn.k_proj.weight", ".attn.v_proj.weight"}},
       {".attn.in_proj_bias", {".attn.q_proj.bias", ".attn.k_proj.bias", ".attn.v_proj.bias"}}}));
  for (TensorEntry& entry : result->entries) {
    const bool is_projection = entry.name == c10::str(start, kOpenProjection);
    if (!is_projection || entry.shape.size() != 2 || entry.blocks != nullptr) continue;
    std::swap(entry.shape[0], entry.shape[1]);
    std::swap(entry.strides[0], entry.strides[1]);
  }
  return result;
}

}  // namespace

Layer openClipText(const std::shared_ptr<const TensorSource>& source, std::string_view start) {
  return {withLinearLayers(*source, start), openClipNames(start, kTextNames, "text_model.encoder.layers.")};
}

Layer openClipVision(const std::shared_ptr<const TensorSource>& source, std::string_view start) {
  return {withLinearLayers(*source, start),
          openClipNames(start, kVisionNames, "vision_model.encoder.layers.")};
}

}  // namespace cameo::weights
