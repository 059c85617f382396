#include "weights/base_model.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <memory>

#include "core/paths.h"
#include "weights/dynamicrafter.h"
#include "weights/film_vae.h"
#include "weights/identify.h"
#include "weights/infer_config.h"
#include "weights/ip_adapter.h"
#include "weights/json_file.h"
#include "weights/names/ldm_text.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/ldm_vae.h"
#include "weights/open_weights.h"
#include "weights/stable_video.h"
#include "weights/text.h"
#include "weights/wan.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

std::optional<std::string> asItIs(std::string_view key) {
  return std::string(key);
}

const char* vaeClassOf(const BaseModel& model) {
  const json transformer = model.transformer_config.value("_class_name", json());
  if (transformer == kCogVideoXClass) return kCogVideoVaeClass;
  if (transformer == kWanClass || transformer == kVaceClass) return kWanVaeClass;
  return isVideoUNet(model.unet_config) ? kTemporalVaeClass : kVaeClass;
}

BaseModel openFolderModel(const std::string& path) {
  BaseModel model{.path = path,
                  .index = readJsonIfThere(path + "/model_index.json"),
                  .unet_config = readJsonIfThere(path + "/unet/config.json"),
                  .transformer_config = readJsonIfThere(path + "/transformer/config.json"),
                  .unet = {},
                  .transformer = {},
                  .vae = {},
                  .text_encoder = {},
                  .image_encoder = {},
                  .scheduler = {},
                  .scheduler_path = path + "/scheduler/scheduler_config.json",
                  .tokenizer = path + "/tokenizer"};
  model.unet = [path](Weights weights) { return openFolder(path + "/unet", "the UNet", unetKey, weights); };
  model.transformer = [path](Weights weights) {
    return openFolder(path + "/transformer", "the transformer", asItIs, weights);
  };
  const char* vae_class = vaeClassOf(model);
  model.vae = [=](Weights weights) { return openVae(path + "/vae", weights, vae_class); };
  model.text_encoder = [path](Weights weights) {
    return openFolder(path + "/text_encoder", "the text encoder", clipTextKey, weights);
  };
  model.image_encoder = [path](Weights weights) {
    return openImageEncoder(path + "/image_encoder", weights);
  };
  model.scheduler = [path = model.scheduler_path] { return readJson(path); };
  return model;
}

bool hasClass(const json& config, const char* name) {
  const auto class_name = config.find("_class_name");
  return class_name != config.end() && *class_name == name;
}

bool has(const TensorSource& source, std::string_view name) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [&](const TensorEntry& entry) { return entry.name == name; });
}

/// What the authors of Stable Diffusion 1 sampled with. Tensors that some trainers add say what a checkpoint
/// predicts.
json ldmScheduler(const TensorSource& source) {
  return {{"_class_name", "PNDMScheduler"},
          {"num_train_timesteps", 1000},
          {"beta_start", 0.00085},
          {"beta_end", 0.012},
          {"beta_schedule", "scaled_linear"},
          {"steps_offset", 1},
          {"skip_prk_steps", true},
          {"set_alpha_to_one", false},
          {"prediction_type", has(source, "v_pred") ? "v_prediction" : "epsilon"},
          {"rescale_betas_zero_snr", has(source, "ztsnr")}};
}

Component ldmVae(const std::shared_ptr<const TensorSource>& source) {
  if (anyStarts(*source, kLdmVae)) return vaeOf(source);
  failFormat(source->path, "this checkpoint comes without a VAE; name one with `vae`");
}

BaseModel openCheckpoint(const std::string& path) {
  const auto source = openWeights(path);
  const std::string_view kind = identify(*source).kind;
  if (kind == "dynamicrafter") return openDynamiCrafter(source);
  if (kind == "ldm-video") return openStableVideo(source);
  if (kind != "ldm-checkpoint") failOtherKind(*source, "a Stable Diffusion checkpoint");
  const Layer unet{source, ldmUNetKeys(*source)};
  const json unet_config = inferUNetConfig(unet);
  BaseModel model{.path = path,
                  .index = json::object(),
                  .unet_config = unet_config,
                  .unet = [=](Weights) { return Component{path, unet_config, {unet}}; },
                  .transformer = {},
                  .vae = [=](Weights) { return ldmVae(source); },
                  .text_encoder =
                      [=](Weights) {
                        const Layer text_encoder{source, ldmTextKey};
                        return Component{path, inferClipTextConfig(text_encoder), {text_encoder}};
                      },
                  .image_encoder = {},
                  .scheduler = [=] { return ldmScheduler(*source); },
                  .scheduler_path = path,
                  .tokenizer = ""};
  return model;
}

}  // namespace

bool isVideoUNet(const json& unet_config) {
  return hasClass(unet_config, "UNetSpatioTemporalConditionModel");
}

bool isI2VGenUNet(const json& unet_config) {
  return hasClass(unet_config, "I2VGenXLUNet");
}

bool isDynamiCrafterUNet(const json& unet_config) {
  return hasClass(unet_config, "DynamiCrafterUNet");
}

BaseModel openBaseModel(const std::string& path) {
  if (isFile(path)) return openCheckpoint(path);
  const bool is_of_folders = isFolder(path + "/transformer") || isFolder(path + "/unet");
  return !is_of_folders && isReleasedWan(path) ? openReleasedWan(path) : openFolderModel(path);
}

}  // namespace cameo::weights
