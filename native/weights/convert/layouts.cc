#include "weights/convert/layouts.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <array>
#include <cmath>

#include "weights/names/ldm_text.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/ldm_vae.h"
#include "weights/names/motion.h"
#include "weights/names/tensor_shapes.h"
#include "weights/text.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

constexpr const char* kWeightsFile = "/diffusion_pytorch_model.safetensors";

/// What loaders take for granted of a file that has no config.
struct Assumed {
  const char* field;
  json value;
};

const std::vector<Assumed> kOfUNet = {
    {"attention_head_dim", 8}, {"norm_num_groups", 32},   {"norm_eps", 1e-5}, {"act_fn", "silu"},
    {"downsample_padding", 1}, {"flip_sin_to_cos", true}, {"freq_shift", 0},  {"mid_block_scale_factor", 1}};
const std::vector<Assumed> kOfVae = {
    {"norm_num_groups", 32}, {"act_fn", "silu"}, {"scaling_factor", 0.18215}, {"shift_factor", 0}};
const std::vector<Assumed> kOfText = {
    {"num_attention_heads", 12}, {"hidden_act", "quick_gelu"}, {"layer_norm_eps", 1e-5}};
const std::vector<Assumed> kOfMotion = {{"motion_num_attention_heads", 8}, {"motion_norm_num_groups", 32}};

bool isSame(const json& said, const json& assumed) {
  if (!said.is_array()) return said == assumed;
  return std::all_of(said.begin(), said.end(), [&](const json& value) { return value == assumed; });
}

/// Throws where a config says what the original layout has no place for.
void requireAssumed(const Component& component, const char* what, const std::vector<Assumed>& assumptions) {
  for (const auto& [field, value] : assumptions) {
    const auto said = component.config.find(field);
    if (said == component.config.end() || said->is_null() || isSame(*said, value)) continue;
    throw Error(ErrorCode::WeightsMismatch,
                c10::str(component.path, ": the original layout can't say that ", what, " has ", field, " ",
                         said->dump(), ": its readers take ", value.dump(), "; keep diffusers' layout"));
  }
}

const Layer& layerOf(const Component& component) {
  if (component.layers.empty()) failFormat(component.path, "there are no weights to convert");
  return component.layers.front();
}

/// The names of a diffusers UNet in a checkpoint.
NameTable namesOf(const Layer& unet) {
  const TensorShapes shapes(unet);
  return ldmUNetNames(diffusersUNetBlocks([&](const std::string& layer) { return shapes.any(layer + "."); }));
}

void addRenamed(NamedTensors& result, const Layer& layer, const NameTable& names, std::string_view start) {
  for (auto& [name, value] : tensorsOf(layer)) {
    const auto theirs = names.toTheirs(name);
    if (!theirs) failFormat(layer.source->path, "the original layout has no place for " + quote(name));
    result.emplace_back(std::string(start) + *theirs, value);
  }
}

/// The VAE's attention has matrices in diffusers, 1x1 convolutions in the original.
at::Tensor asMatrix(const std::string& name, const at::Tensor& value) {
  const bool is_of_vae = name.starts_with("encoder.") || name.starts_with("decoder.");
  const bool is_attention = is_of_vae && name.find(".attentions.") != name.npos && value.dim() == 4;
  return is_attention ? value.flatten(1) : value;
}

at::Tensor asConvolution(const std::string& name, const at::Tensor& value) {
  const bool is_attention = name.find(".attn_1.") != name.npos && value.dim() == 2;
  return is_attention ? value.unsqueeze(-1).unsqueeze(-1) : value;
}

NamedTensors originalVae(const Component& vae, std::string_view start) {
  requireAssumed(vae, "its VAE", kOfVae);
  const Layer& layer = layerOf(vae);
  const TensorShapes shapes(layer);
  NamedTensors tensors;
  addRenamed(
      tensors, layer,
      ldmVaeNames(shapes.count("encoder.down_blocks."), shapes.count("encoder.down_blocks.0.resnets.")),
      start);
  for (auto& [name, value] : tensors) value = asConvolution(name, value);
  return tensors;
}

/// Writes a network's folder; `file` begins with a slash.
void writeFolder(const Component& component, const std::string& folder, const char* file, Writing& writing) {
  const Layer& layer = layerOf(component);
  NamedTensors tensors = tensorsOf(layer);
  for (auto& [name, value] : tensors) value = asMatrix(name, value);
  writing.json(folder + "/config.json", component.config);
  writing.weights(folder + file, tensors, layer.source->metadata);
}

json modelIndex(const json& scheduler, int64_t channels) {
  const char* name = channels == 8   ? "StableDiffusionInstructPix2PixPipeline"
                     : channels == 9 ? "StableDiffusionInpaintPipeline"
                                     : "StableDiffusionPipeline";
  return {{"_class_name", name},
          {"feature_extractor", {nullptr, nullptr}},
          {"requires_safety_checker", false},
          {"safety_checker", {nullptr, nullptr}},
          {"scheduler", {"diffusers", scheduler.at("_class_name")}},
          {"text_encoder", {"transformers", "CLIPTextModel"}},
          {"tokenizer", {"transformers", "CLIPTokenizer"}},
          {"unet", {"diffusers", "UNet2DConditionModel"}},
          {"vae", {"diffusers", "AutoencoderKL"}}};
}

/// Empty tensors by which a checkpoint says what it predicts, as some trainers write them.
void addMarks(NamedTensors& tensors, const json& scheduler) {
  const at::Tensor mark = at::empty({0});
  if (scheduler.value("prediction_type", json()) == "v_prediction") tensors.emplace_back("v_pred", mark);
  if (scheduler.value("rescale_betas_zero_snr", json()) == true) tensors.emplace_back("ztsnr", mark);
}

}  // namespace

void writeDiffusersModel(const BaseModel& model, const std::string& folder, Writing& writing) {
  const Component unet = model.unet(Weights::Required), vae = model.vae(Weights::Required),
                  text_encoder = model.text_encoder(Weights::Required);
  for (const Component* part : {&unet, &vae, &text_encoder}) {
    writing.expect(renamed(layerOf(*part)).entries.size());
  }
  const json scheduler = model.scheduler();
  writing.json(folder + "/model_index.json",
               modelIndex(scheduler, unet.config.value("in_channels", int64_t{4})));
  writing.json(folder + "/scheduler/scheduler_config.json", scheduler);
  writeFolder(unet, folder + "/unet", kWeightsFile, writing);
  writeFolder(vae, folder + "/vae", kWeightsFile, writing);
  writeFolder(text_encoder, folder + "/text_encoder", "/model.safetensors", writing);
}

void writeCheckpoint(const BaseModel& model, const std::string& file, Writing& writing) {
  const Component unet = model.unet(Weights::Required), vae = model.vae(Weights::Required),
                  text_encoder = model.text_encoder(Weights::Required);
  requireAssumed(unet, "its UNet", kOfUNet);
  requireAssumed(text_encoder, "its text encoder", kOfText);
  NamedTensors tensors;
  addRenamed(tensors, layerOf(unet), namesOf(layerOf(unet)), kLdmUNet);
  for (auto& named : originalVae(vae, kLdmVae)) tensors.push_back(std::move(named));
  for (auto& [name, value] : tensorsOf(layerOf(text_encoder))) {
    tensors.emplace_back(std::string(kLdmText) + name, value);
  }
  addMarks(tensors, model.scheduler());
  writing.expect(tensors.size());
  writing.weights(file, tensors, layerOf(unet).source->metadata);
}

void writeDiffusersVae(const Component& vae, const std::string& folder, Writing& writing) {
  writing.expect(renamed(layerOf(vae)).entries.size());
  writeFolder(vae, folder, kWeightsFile, writing);
}

void writeOriginalVae(const Component& vae, const std::string& file, Writing& writing) {
  const NamedTensors tensors = originalVae(vae, "");
  writing.expect(tensors.size());
  writing.weights(file, tensors, layerOf(vae).source->metadata);
}

void writeMotionAdapter(const Component& motion, const std::string& folder, Writing& writing) {
  requireEqualTables(*layerOf(motion).source);
  writing.expect(renamed(layerOf(motion)).entries.size());
  writeFolder(motion, folder, kWeightsFile, writing);
}

void writeOriginalMotion(const Component& motion, const std::string& file, Writing& writing) {
  requireAssumed(motion, "it", kOfMotion);
  NamedTensors tensors;
  for (const auto& [name, value] : tensorsOf(layerOf(motion))) {
    for (const std::string& theirs : originalMotionKeys(name)) tensors.emplace_back(theirs, value);
  }
  writing.expect(tensors.size());
  writing.weights(file, tensors, layerOf(motion).source->metadata);
}

}  // namespace cameo::weights
