#include "weights/lora/other_bases.h"

#include <algorithm>
#include <array>

#include "weights/lora/names.h"

namespace cameo::weights {

namespace {

struct BaseMark {
  std::string_view part;  // with underscores for dots
  std::string_view base;
};

/// Layers that only one kind of model has.
constexpr auto kBaseMarks = std::to_array<BaseMark>({
    {"single_transformer_blocks_", "Flux"},
    {"double_blocks_", "Flux"},
    {"joint_blocks_", "Stable Diffusion 3"},
    {"lora_te1_", "Stable Diffusion XL"},
    {"lora_te2_", "Stable Diffusion XL"},
    {"text_encoder_2_", "Stable Diffusion XL"},
    {"_cross_attn_", kWanBase},
});

/// Its middle block has ten transformer blocks in a row.
constexpr auto kXlBlocks = std::to_array<std::string_view>(
    {"attentions_0_transformer_blocks_1_", "attentions_1_transformer_blocks_1_", "_1_transformer_blocks_1_"});

/// Channels of the text that cross-attention reads.
struct TextWidth {
  int64_t channels;
  std::string_view base;
};
constexpr auto kTextWidths =
    std::to_array<TextWidth>({{2048, "Stable Diffusion XL"}, {1024, "Stable Diffusion 2"}});

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

std::string_view baseOfShape(const LoraName& name, const TensorEntry& entry) {
  const bool reads_text = name.layer.ends_with("attn2.to_k") || name.layer.ends_with("attn2_to_k");
  if (!reads_text || name.part != LoraPart::Down || entry.shape.size() < 2) return "";
  for (const auto& [channels, base] : kTextWidths) {
    if (entry.shape[1] == channels) return base;
  }
  return "";
}

}  // namespace

std::string_view otherBaseOf(const TensorSource& source) {
  for (const TensorEntry& entry : source.entries) {
    const auto name = parseLoraName(entry.name);
    if (!name) continue;
    std::string flat = entry.name;
    std::replace(flat.begin(), flat.end(), '.', '_');
    for (const auto& [part, base] : kBaseMarks) {
      if (contains(flat, part)) return base;
    }
    const bool is_motion = contains(flat, "motion_modules_");
    const bool is_xl = std::any_of(kXlBlocks.begin(), kXlBlocks.end(),
                                   [&](std::string_view part) { return contains(flat, part); });
    if (is_xl && !is_motion) return "Stable Diffusion XL";
    if (const std::string_view base = baseOfShape(*name, entry); !base.empty()) return base;
  }
  return "";
}

}  // namespace cameo::weights
