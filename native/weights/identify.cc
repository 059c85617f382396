#include "weights/identify.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>

#include "models/motion_names.h"
#include "weights/embedding.h"
#include "weights/ip_adapter.h"
#include "weights/key_maps.h"
#include "weights/lora/identify.h"
#include "weights/lora/names.h"
#include "weights/names/control.h"
#include "weights/names/dynamicrafter.h"
#include "weights/names/ip_adapter.h"
#include "weights/names/ldm_text.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/wan.h"
#include "weights/names/wan_clip.h"
#include "weights/subject.h"
#include "weights/text.h"

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
  bool allOfUNet() const {
    return std::all_of(entries.begin(), entries.end(),
                       [](const TensorEntry& entry) { return isUNetKey(entry.name); });
  }
  bool anyStart(std::string_view start) const {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const TensorEntry& entry) { return entry.name.starts_with(start); });
  }
};

struct Rule {
  bool (*matches)(const Keys& keys);
  std::string_view kind;
  std::string_view description;
  std::string_view option;
};

// From the most to the least particular: the first that matches is what the file is.
constexpr auto kRules = std::to_array<Rule>({
    {[](const Keys& k) { return k.any(models::kMotionModules) && k.any("temporal_transformer."); },
     "animatediff-original", "AnimateDiff's motion modules (original names)", "--motion"},
    {[](const Keys& k) { return k.anyStart(kLdmUNet) && k.any(".time_stack."); }, "ldm-video",
     "a Stable Video Diffusion checkpoint in one file", "--base"},
    {[](const Keys& k) { return k.anyStart(kLdmUNet) && k.anyStart("conditioner.embedders."); }, "ldm-xl",
     "a Stable Diffusion XL checkpoint, which no option takes", ""},
    {[](const Keys& k) { return k.anyStart(kLdmUNet) && k.anyStart(kDynamiCrafterProjection); },
     "dynamicrafter", "a DynamiCrafter checkpoint in one file", "--base"},
    {[](const Keys& k) { return k.anyStart(kLdmUNet) && k.anyStart("cond_stage_model.model."); }, "ldm-2",
     "a Stable Diffusion 2 checkpoint, which no option takes", ""},
    {[](const Keys& k) { return k.anyStart(kLdmUNet) && k.anyStart(kLdmText); }, "ldm-checkpoint",
     "a Stable Diffusion checkpoint in one file (LDM names)", "--base"},
    {[](const Keys& k) { return k.anyStart(kLdmUNet); }, "ldm-part",
     "a part of a Stable Diffusion checkpoint (LDM names), without its text encoder", ""},
    {[](const Keys& k) { return k.anyStart(kImageProjection) || k.anyStart(kIpAttention); }, "ip-adapter", "",
     "--ip-adapter"},
    {[](const Keys& k) { return k.all(models::kMotionModules); }, "motion-adapter",
     "an AnimateDiff motion adapter (diffusers names)", "--motion"},
    {[](const Keys& k) { return k.any(models::kMotionModules) && k.any(".attn1."); }, "subject",
     "a UNet with motion modules (a VideoMaker subject)", "--subject"},
    {[](const Keys& k) { return k.all(".attn1."); }, "subject",
     "a UNet's self-attention (a VideoMaker subject)", "--subject"},
    {[](const Keys& k) { return k.any(".temporal_transformer_blocks.") && k.any("conv_in.weight"); },
     "video-unet", "Stable Video Diffusion's UNet (diffusers names)", "--base"},
    {[](const Keys& k) { return k.any(".temp_convs.") && k.any("image_latents_proj_in."); }, "i2vgen-unet",
     "I2VGen-XL's UNet (diffusers names)", "--base"},
    {[](const Keys& k) {
       return k.any("down_blocks.0.") && k.any("time_embedding.") && k.any("conv_in.weight");
     },
     "unet", "a Stable Diffusion UNet (diffusers names)", "--base"},
    {[](const Keys& k) { return k.anyStart("patch_embed.text_proj.") && k.any(".norm1.linear."); },
     "cogvideox", "CogVideoX's transformer (diffusers names)", "--base"},
    {[](const Keys& k) { return k.anyStart("temporal_transformer_blocks.") && k.anyStart("adaln_single."); },
     "latte", "Latte's transformer (diffusers names)", "--base"},
    {[](const Keys& k) { return k.anyStart("vace_blocks.") && k.anyStart("condition_embedder.time_proj."); },
     "vace", "VACE on Wan's transformer (diffusers names)", "--base"},
    {[](const Keys& k) {
       return k.anyStart("condition_embedder.time_proj.") && k.anyStart("patch_embedding.");
     },
     "wan", "Wan's transformer, or one that was trained on from it, as Phantom's (diffusers names)",
     "--subject"},
    {[](const Keys& k) { return k.anyStart("vace_blocks.") && k.anyStart(kWanTimeProjection); },
     "vace-released", "VACE on Wan's transformer (released names)", "--base"},
    {[](const Keys& k) { return k.anyStart(kWanTimeProjection) && k.any(kWanSelfAttention); }, "wan-released",
     "Wan's transformer, or one that was trained on from it, as Phantom's (released names)", "--subject"},
    {[](const Keys& k) { return k.anyStart(kWanTextTokens) && k.any(kWanTextBias); }, "wan-text",
     "Wan's text encoder (released names)", "--base"},
    {[](const Keys& k) { return k.anyStart(kWanVision) && k.any(kWanVisionRows); }, "wan-clip",
     "Wan's image encoder (released names)", "--base"},
    {[](const Keys& k) { return k.any("encoder.mid.attn_1.") || k.any("decoder.mid.attn_1."); }, "ldm-vae",
     "a VAE (original names)", "--vae"},
    {[](const Keys& k) { return k.any("encoder.conv_in.weight") && k.any("decoder.time_conv_out."); },
     "video-vae", "Stable Video Diffusion's VAE (diffusers names)", "--base"},
    {[](const Keys& k) { return k.any("encoder.conv_in.conv.") && k.any("decoder.norm_out.norm_layer."); },
     "cogvideox-vae", "CogVideoX's VAE (diffusers names)", "--base"},
    {[](const Keys& k) { return k.anyStart("encoder.middle.") && k.any(".residual."); }, "wan-vae",
     "Wan's VAE (released names)", "--vae"},
    {[](const Keys& k) { return k.any("encoder.mid_block.attentions.0.to_qkv."); }, "wan-vae",
     "Wan's VAE (diffusers names)", "--base"},
    {[](const Keys& k) { return k.any("encoder.conv_in.weight") && k.any("decoder.conv_out.weight"); }, "vae",
     "a VAE (diffusers names)", "--vae"},
    {[](const Keys& k) { return k.any("encoder.block.0.layer.0.SelfAttention."); }, "t5", "a T5 text encoder",
     "--base"},
    {[](const Keys& k) { return k.any("vision_model.") && k.any("text_model."); }, "clip",
     "a CLIP model with its text encoder", "--base"},
    {[](const Keys& k) { return k.any("embeddings.token_embedding.") && k.any("encoder.layers.0."); },
     "clip-text", "a CLIP text encoder", "--base"},
    {[](const Keys& k) { return k.any("embeddings.patch_embedding.") && k.any("encoder.layers.0."); },
     "clip-vision", "a CLIP image encoder", "--image-encoder"},
    {[](const Keys& k) { return k.allOfUNet(); }, "subject", "a part of a UNet (a subject)", "--subject"},
    {[](const Keys& k) { return isSdxlEmbedding(k.entries); }, "embedding",
     "a word that SDXL has learned by textual inversion", ""},
});

/// Takes the option from what loading would refuse, whatever it is called.
Identity checked(Identity identity, const TensorSource& source) {
  if (identity.kind == "motion-adapter" && readSubjectMetadata(source).reference_cross_attention) {
    identity = {"subject", "a subject's motion modules", "--subject"};
  } else if (identity.kind == "subject" || identity.kind == "motion-adapter") {
    for (const TensorEntry& entry : source.entries) {
      if (isUNetKey(entry.name)) continue;
      identity.option = "";
      identity.reason = "no network here has a layer " + quote(entry.name);
      break;
    }
  } else if (identity.kind == "ip-adapter") {
    identity.description = describeIpAdapter(source);
    identity.reason = unfitIpAdapter(source);
    if (!identity.reason.empty()) identity.option = "";
  }
  return identity;
}

Identity identifyControl(const TensorSource& source) {
  const bool is_sparse = isSparseControlFile(source);
  const ControlBase base = controlBaseOf(source);
  return {is_sparse ? "sparse-control" : "controlnet",
          (is_sparse ? "a SparseCtrl network" : "a ControlNet") + base.description,
          base.is_known ? "--control-model" : ""};
}

}  // namespace

Identity identify(const TensorSource& source) {
  const Keys keys{source.entries};
  const auto format = source.metadata.find("format");
  if (format != source.metadata.end() && format->second == kCheckpointFormat) {
    return {"checkpoint", "a checkpoint of a training run", ""};
  }
  if (source.entries.empty()) return {"unknown", "a file without tensors", ""};
  if (!anyStarts(source, kImageProjection) && isAnyLora(source)) return identifyLora(source);
  if (isControlFile(source)) return identifyControl(source);
  for (const auto& [matches, kind, description, option] : kRules) {
    if (matches(keys)) return checked({kind, std::string(description), option}, source);
  }
  if (const auto embedding = findEmbedding(source)) {
    return {"embedding",
            c10::str("a word learned by textual inversion: ", quote(embedding->token), ", ",
                     embedding->count() == 1 ? "1 vector" : c10::str(embedding->count(), " vectors"), " of ",
                     embedding->width(), " numbers"),
            "--embedding"};
  }
  return {"unknown", "of no kind known here", ""};
}

void failOtherKind(const TensorSource& source, const char* what) {
  const Identity identity = identify(source);
  throw Error(ErrorCode::WeightsMismatch,
              c10::str(source.path, ": ", what, " was expected; this is ", identity.description,
                       identity.option.empty() ? "" : ", for ", identity.option));
}

}  // namespace cameo::weights
