#include "weights/identify.h"

#include <algorithm>
#include <array>

namespace cameo::weights {

namespace {

struct Keys {
  const std::vector<TensorEntry>& entries;

  bool any(std::string_view part) const {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const TensorEntry& entry) { return entry.name.find(part) != std::string::npos; });
  }
  bool all(std::string_view part) const {
    return std::all_of(entries.begin(), entries.end(),
                       [&](const TensorEntry& entry) { return entry.name.find(part) != std::string::npos; });
  }
  bool anyStart(std::string_view start) const {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const TensorEntry& entry) { return entry.name.starts_with(start); });
  }
};

struct Rule {
  bool (*matches)(const Keys& keys);
  Identity identity;
};

// From the most to the least particular: the first that matches is what the file is.
constexpr auto kRules = std::to_array<Rule>({
    {[](const Keys& k) { return k.anyStart("lora_unet_") || k.anyStart("lora_te"); },
     {"lora", "a LoRA (kohya names)", ""}},
    {[](const Keys& k) {
       return k.any("motion_modules.") && (k.any(".lora_A.") || k.any(".lora.down") || k.any("_lora."));
     },
     {"motion-lora", "a motion LoRA", ""}},
    {[](const Keys& k) {
       return k.any(".lora_A.") || k.any(".lora.down") || k.any("_lora.") || k.any("lora_down");
     },
     {"lora", "a LoRA", ""}},
    {[](const Keys& k) { return k.any("motion_modules.") && k.any("temporal_transformer."); },
     {"animatediff-original", "an AnimateDiff motion module with its original names", ""}},
    {[](const Keys& k) { return k.anyStart("model.diffusion_model."); },
     {"ldm-checkpoint", "a Stable Diffusion checkpoint in one file (LDM names)", ""}},
    {[](const Keys& k) { return k.any("controlnet_cond_embedding.") || k.anyStart("control_model."); },
     {"controlnet", "a ControlNet", ""}},
    {[](const Keys& k) { return k.anyStart("image_proj.") || k.anyStart("ip_adapter."); },
     {"ip-adapter", "an IP-Adapter", ""}},
    {[](const Keys& k) { return k.all(".motion_modules."); },
     {"motion-adapter", "an AnimateDiff motion adapter (diffusers names)", "--motion"}},
    {[](const Keys& k) { return k.any(".motion_modules.") && k.any(".attn1."); },
     {"subject", "a UNet with motion modules (a VideoMaker subject)", "--subject"}},
    {[](const Keys& k) { return k.all(".attn1."); },
     {"subject", "a UNet's self-attention (a VideoMaker subject)", "--subject"}},
    {[](const Keys& k) {
       return k.any("down_blocks.0.") && k.any("time_embedding.") && k.any("conv_in.weight");
     },
     {"unet", "a Stable Diffusion UNet (diffusers names)", "--base"}},
    {[](const Keys& k) { return k.any("encoder.mid.attn_1.") || k.any("decoder.mid.attn_1."); },
     {"ldm-vae", "a VAE with its original (LDM) names", ""}},
    {[](const Keys& k) { return k.any("encoder.conv_in.weight") && k.any("decoder.conv_out.weight"); },
     {"vae", "a VAE (diffusers names)", "--base"}},
    {[](const Keys& k) { return k.any("vision_model.") && k.any("text_model."); },
     {"clip", "a CLIP model with its text encoder", "--base"}},
    {[](const Keys& k) { return k.any("embeddings.token_embedding.") && k.any("encoder.layers.0."); },
     {"clip-text", "a CLIP text encoder", "--base"}},
    {[](const Keys& k) { return k.any("vision_model.") && k.any("encoder.layers.0."); },
     {"clip-vision", "a CLIP image encoder", ""}},
});

}  // namespace

Identity identify(const std::vector<TensorEntry>& entries) {
  const Keys keys{entries};
  if (entries.empty()) return {"unknown", "a file without tensors", ""};
  for (const auto& [matches, identity] : kRules) {
    if (matches(keys)) return identity;
  }
  return {"unknown", "of no kind known here", ""};
}

}  // namespace cameo::weights
