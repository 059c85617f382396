#include "weights/lora/names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cameo::weights {

namespace {

struct LoraSuffix {
  std::string_view text;
  LoraNaming naming;
  LoraPart part;
  bool is_projection = false;  // of an attention processor, without the name of its layer
};

constexpr auto kLoraSuffixes = std::to_array<LoraSuffix>({
    {".lora_down.weight", LoraNaming::Kohya, LoraPart::Down},
    {".lora_up.weight", LoraNaming::Kohya, LoraPart::Up},
    {".lora_mid.weight", LoraNaming::Kohya, LoraPart::Mid},
    {".lora.down.weight", LoraNaming::Diffusers, LoraPart::Down},
    {".lora.up.weight", LoraNaming::Diffusers, LoraPart::Up},
    {".lora.alpha", LoraNaming::Diffusers, LoraPart::Alpha},
    {".lora_linear_layer.down.weight", LoraNaming::Diffusers, LoraPart::Down},
    {".lora_linear_layer.up.weight", LoraNaming::Diffusers, LoraPart::Up},
    {".lora_linear_layer.alpha", LoraNaming::Diffusers, LoraPart::Alpha},
    {"_lora.down.weight", LoraNaming::Diffusers, LoraPart::Down, true},
    {"_lora.up.weight", LoraNaming::Diffusers, LoraPart::Up, true},
    {"_lora.alpha", LoraNaming::Diffusers, LoraPart::Alpha, true},
    {".alpha", LoraNaming::Peft, LoraPart::Alpha},
    {".diff", LoraNaming::Peft, LoraPart::Difference},
    {".diff_b", LoraNaming::Peft, LoraPart::BiasDifference},
});

struct LoraPrefix {
  std::string_view text;
  std::string_view network;
  bool is_flat = false;
};

constexpr auto kLoraPrefixes = std::to_array<LoraPrefix>({
    {"lora_unet_", "unet", true},
    {"lycoris_", "unet", true},
    {"lora_te_", "text_encoder", true},
    {"lora_te1_", "text_encoder", true},
    {"lora_te2_", "text_encoder_2", true},
    {"lora_te3_", "text_encoder_3", true},
    {"lora_transformer_", "transformer", true},
    {"lora_prior_", "prior", true},
    {"unet.", "unet"},
    {"text_encoder.", "text_encoder"},
    {"text_encoder_2.", "text_encoder_2"},
    {"text_encoder_3.", "text_encoder_3"},
    {"transformer.", "transformer"},
    {"diffusion_model.", "transformer"},
});

constexpr std::string_view kPeftWrapper = "base_model.model.";
constexpr std::string_view kProcessor = ".processor.";
constexpr std::string_view kOut = ".to_out";

/// An attention's projections, as old files of diffusers call those of the text encoder.
constexpr auto kTextProjections = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{".to_q", ".q_proj"}, {".to_k", ".k_proj"}, {".to_v", ".v_proj"}, {".to_out", ".out_proj"}});

struct OtherAdapter {
  std::string_view part;
  std::string_view what;
};

constexpr auto kOtherAdapters = std::to_array<OtherAdapter>({
    {".dora_scale", "a DoRA"},
    {".lora_magnitude_vector", "a DoRA"},
    {".hada_", "a LoHa (LyCORIS)"},
    {".lokr_", "a LoKr (LyCORIS)"},
    {".oft_", "an OFT"},
    {".boft_", "a BOFT"},
    {".ia3_", "an IA3"},
    {".on_input", "an IA3 (LyCORIS)"},
    {".vera_lambda_", "a VeRA"},
    {".lora_embedding_", "a LoRA of a table of embeddings"},
    {".lora_bias", "a LoRA with biases"},
    {".lora_B.bias", "a LoRA with biases"},
    {".bias_indices", "a LoRA with biases"},
    {".bias_values", "a LoRA with biases"},
});

constexpr auto kOtherEndings = std::to_array<OtherAdapter>({
    {".w_norm", "a difference of norms (LyCORIS norm)"},
    {".b_norm", "a difference of norms (LyCORIS norm)"},
    {".a1.weight", "a GLoRA (LyCORIS)"},
    {".a2.weight", "a GLoRA (LyCORIS)"},
    {".b1.weight", "a GLoRA (LyCORIS)"},
    {".b2.weight", "a GLoRA (LyCORIS)"},
});

/// PEFT's suffixes, with an adapter's name in them or without: `.lora_A.weight`, `.lora_A.default.weight`.
std::optional<LoraPart> takePeftSuffix(std::string_view& name) {
  constexpr std::string_view kWeight = "weight";
  for (const auto& [marker, part] :
       {std::pair{std::string_view(".lora_A."), LoraPart::Down}, {".lora_B.", LoraPart::Up}}) {
    const size_t at = name.rfind(marker);
    if (at == name.npos) continue;
    const std::string_view rest = name.substr(at + marker.size());
    const size_t dot = rest.find('.');
    const bool is_weight = rest == kWeight || (dot != rest.npos && rest.substr(dot + 1) == kWeight);
    if (!is_weight) continue;
    name = name.substr(0, at);
    return part;
  }
  return std::nullopt;
}

std::optional<LoraSuffix> takeSuffix(std::string_view& name) {
  if (const auto part = takePeftSuffix(name)) return LoraSuffix{"", LoraNaming::Peft, *part};
  for (const LoraSuffix& suffix : kLoraSuffixes) {
    if (!name.ends_with(suffix.text)) continue;
    name.remove_suffix(suffix.text.size());
    return suffix;
  }
  return std::nullopt;
}

/// PEFT's wrappers, which stand before a network's name or after it.
bool takeWrappers(std::string_view& name) {
  const size_t whole = name.size();
  while (name.starts_with(kPeftWrapper)) name.remove_prefix(kPeftWrapper.size());
  return name.size() != whole;
}

LoraPrefix takePrefix(std::string_view& name) {
  const bool is_wrapped = takeWrappers(name);
  for (const LoraPrefix& prefix : kLoraPrefixes) {
    if (!name.starts_with(prefix.text)) continue;
    name.remove_prefix(prefix.text.size());
    takeWrappers(name);
    return prefix;
  }
  // A network's own names. `encoder.` alone is a CLIPTextModel's, as newer versions of transformers have it.
  const bool is_text = name.starts_with("text_model.") || (is_wrapped && name.starts_with("encoder."));
  return {"", is_text ? "text_encoder" : "unet"};
}

/// The layer whose projection an attention processor's name means.
std::string projectionOf(std::string layer, bool is_text) {
  if (!is_text) return layer;
  for (const auto& [name, own] : kTextProjections) {
    if (layer.ends_with(name)) return layer.replace(layer.size() - name.size(), name.size(), own);
  }
  return layer;
}

}  // namespace

std::optional<LoraName> parseLoraName(std::string_view key) {
  std::string_view name = key;
  const auto suffix = takeSuffix(name);
  if (!suffix) return std::nullopt;
  const std::string shown(name);
  const LoraPrefix prefix = takePrefix(name);
  std::string layer(name);
  if (const size_t at = layer.find(kProcessor); at != layer.npos) layer.replace(at, kProcessor.size(), ".");
  if (suffix->is_projection) layer = projectionOf(layer, prefix.network == "text_encoder");
  if (layer.ends_with(kOut)) layer += ".0";
  return LoraName{.naming = prefix.is_flat ? LoraNaming::Kohya : suffix->naming,
                  .network = std::string(prefix.network),
                  .layer = std::move(layer),
                  .shown = shown,
                  .is_flat = prefix.is_flat,
                  .part = suffix->part};
}

std::optional<std::string_view> otherAdapterOf(std::string_view key) {
  for (const auto& [part, what] : kOtherAdapters) {
    if (key.find(part) != key.npos) return what;
  }
  for (const auto& [ending, what] : kOtherEndings) {
    if (key.ends_with(ending)) return what;
  }
  return std::nullopt;
}

bool isAnyLora(const TensorSource& source) {
  return std::any_of(source.entries.begin(), source.entries.end(), [](const TensorEntry& entry) {
    if (otherAdapterOf(entry.name)) return true;
    const auto name = parseLoraName(entry.name);
    return name && name->part != LoraPart::Alpha;
  });
}

}  // namespace cameo::weights
