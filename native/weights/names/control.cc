#include "weights/names/control.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "models/motion_names.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/motion.h"
#include "weights/names/tensor_shapes.h"
#include "weights/text.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

constexpr std::string_view kEmbedding = "controlnet_cond_embedding.";
constexpr std::string_view kLdmControl = "control_model.";
constexpr std::string_view kLdmEmbedding = "input_hint_block.";
constexpr std::string_view kWithin = "controlnet.", kOneOfMany = "module.";  // what SparseCtrl was trained in
constexpr std::string_view kDifference = "difference";
constexpr std::string_view kTextKeys = ".attn2.to_k.weight";

constexpr int64_t kControlHeads = 8;  // of Stable Diffusion 1's UNet, and of SparseCtrl's motion modules
constexpr int64_t kSd1Text = 768, kSd2Text = 1024, kSdxlText = 2048;

bool anyHas(const TensorSource& source, std::string_view part) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [&](const TensorEntry& entry) { return entry.name.find(part) != entry.name.npos; });
}

/// `input_hint_block` has an activation after each convolution, which counts among its modules.
NameTable ldmControlNames(const UNetBlocks& blocks, const TensorShapes& shapes) {
  NameTable names = ldmUNetNames(blocks);
  int64_t last = 0;
  while (shapes.any(c10::str(kLdmEmbedding, last + 2, "."))) last += 2;
  for (int64_t place = 0; place <= last; place += 2) {
    const std::string ours = place == 0      ? "conv_in"
                             : place == last ? "conv_out"
                                             : c10::str("blocks.", place / 2 - 1);
    names.add(c10::str(kLdmEmbedding, place), c10::str(kEmbedding, ours));
  }
  for (int64_t i = 0; shapes.any(c10::str("zero_convs.", i, ".")); ++i) {
    names.add(c10::str("zero_convs.", i, ".0"), c10::str("controlnet_down_blocks.", i));
  }
  names.add("middle_block_out.0", "controlnet_mid_block");
  return names;
}

KeyMap ldmControlMap(const std::shared_ptr<const TensorSource>& source) {
  const std::string start = anyStarts(*source, kLdmControl) ? std::string(kLdmControl) : "";
  const auto withoutStart = [start](std::string_view key) -> std::optional<std::string> {
    if (!key.starts_with(start)) return std::nullopt;
    return std::string(key.substr(start.size()));
  };
  return [withoutStart,
          names = ldmControlNames(ldmWayDown(*source, start), TensorShapes(Layer{source, withoutStart}))](
             std::string_view key) -> std::optional<std::string> {
    const auto name = withoutStart(key);
    return name ? names.toOurs(*name).value_or(*name) : name;
  };
}

/// Position tables are computed, as diffusers and AnimateDiff do.
std::optional<std::string> diffusersControlKey(std::string_view key) {
  for (const std::string_view wrapper : {kWithin, kOneOfMany}) {
    if (key.starts_with(wrapper)) key.remove_prefix(wrapper.size());
  }
  if (key.find(".pos_encoder.") != key.npos) return std::nullopt;
  return models::isMotionName(key) ? motionKey(key) : std::string(key);
}

/// As wide as the text that it reads; 0 where nothing says.
int64_t textWidth(const TensorSource& source) {
  const auto found = std::find_if(source.entries.begin(), source.entries.end(), [](const TensorEntry& entry) {
    return entry.name.ends_with(kTextKeys) && !entry.name.starts_with(kLdmUNet);
  });
  return found == source.entries.end() || found->shape.size() < 2 ? 0 : found->shape[1];
}

/// Channels of the convolutions of a condition's embedding, but for the last one's.
json embeddingChannels(const TensorShapes& shapes) {
  json channels = {shapes.size(c10::str(kEmbedding, "conv_in.weight"), 0)};
  const std::string blocks = c10::str(kEmbedding, "blocks.");
  for (int64_t i = 1; i < shapes.count(blocks); i += 2) {
    channels.push_back(shapes.size(c10::str(blocks, i, ".weight"), 0));
  }
  return channels;
}

json sparseFields(const TensorShapes& shapes, int64_t latent_channels) {
  const bool takes_latents = !shapes.any(c10::str(kEmbedding, "conv_in."));
  const std::string first = c10::str(kEmbedding, takes_latents ? "weight" : "conv_in.weight");
  const int64_t channels = takes_latents ? latent_channels : 3;
  const std::string blocks = "down_blocks.0.motion_modules.0.transformer_blocks.";
  json fields = {{"conditioning_channels", channels},
                 {"concat_conditioning_mask", shapes.size(first, 1) == channels + 1},
                 {"use_simplified_condition_embedding", takes_latents},
                 {"motion_num_attention_heads", kControlHeads},
                 {"temporal_transformer_layers_per_block", shapes.count(blocks)}};
  if (shapes.any(blocks + "0.pos_embed.")) {
    fields["motion_max_seq_length"] = shapes.size(blocks + "0.pos_embed.pe", 1);
  }
  return fields;
}

}  // namespace

bool isControlFile(const TensorSource& source) {
  return anyStarts(source, kLdmControl) || anyStarts(source, kLdmEmbedding) || anyHas(source, kEmbedding);
}

bool isSparseControlFile(const TensorSource& source) {
  return isControlFile(source) && anyHas(source, models::kMotionModules);
}

Layer controlLayer(const std::shared_ptr<const TensorSource>& source) {
  if (anyStarts(*source, kDifference)) {
    failFormat(source->path,
               "this ControlNet is the difference to a base, which is not supported; get the whole one");
  }
  const bool is_ldm = anyStarts(*source, kLdmControl) || anyStarts(*source, kLdmEmbedding);
  return {source, is_ldm ? ldmControlMap(source) : KeyMap(diffusersControlKey)};
}

json inferControlConfig(const Layer& control) {
  const TensorShapes shapes(control);
  const bool is_sparse = isSparseControlFile(*control.source);
  const std::string kind = is_sparse ? "Motion" : "2D";
  const int64_t latent_channels = shapes.size("conv_in.weight", 1);
  json types = json::array(), channels = json::array();
  for (int64_t i = 0; i < shapes.count("down_blocks."); ++i) {
    const std::string block = c10::str("down_blocks.", i, ".");
    types.push_back((shapes.any(block + "attentions.") ? "CrossAttnDownBlock" : "DownBlock") + kind);
    channels.push_back(shapes.size(block + "resnets.0.conv1.weight", 0));
  }
  const std::string cross = shapes.firstEndingIn(kTextKeys);
  const std::string place = cross.substr(0, cross.find("transformer_blocks."));
  json config = {{"_class_name", is_sparse ? "SparseControlNetModel" : "ControlNetModel"},
                 {"in_channels", latent_channels},
                 {"block_out_channels", channels},
                 {"down_block_types", types},
                 {"layers_per_block", shapes.count("down_blocks.0.resnets.")},
                 {"attention_head_dim", kControlHeads},  // the number of heads, despite its name
                 {"transformer_layers_per_block", shapes.count(place + "transformer_blocks.")},
                 {"cross_attention_dim", shapes.size(cross, 1)},
                 {"use_linear_projection", shapes.dimensions(place + "proj_in.weight") == 2}};
  if (shapes.any(c10::str(kEmbedding, "conv_in."))) {
    config["conditioning_embedding_out_channels"] = embeddingChannels(shapes);
  }
  if (is_sparse) config.update(sparseFields(shapes, latent_channels));
  return config;
}

ControlBase controlBaseOf(const TensorSource& source) {
  switch (const int64_t width = textWidth(source)) {
    case 0:
      return {"", true};
    case kSd1Text:
      return {", for Stable Diffusion 1.5", true};
    case kSd2Text:
      return {", for Stable Diffusion 2, which no option takes", false};
    case kSdxlText:
      return {", for Stable Diffusion XL, which no option takes", false};
    default:
      return {c10::str(", for a base whose text has ", width, " channels"), true};
  }
}

}  // namespace cameo::weights
