#include "weights/dynamicrafter.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/paths.h"
#include "weights/infer_config.h"
#include "weights/ip_adapter.h"
#include "weights/names/dynamicrafter.h"
#include "weights/names/ip_adapter.h"
#include "weights/names/tensor_shapes.h"
#include "weights/open_weights.h"
#include "weights/text.h"
#include "weights/yaml_file.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// One of the released models.
struct Release {
  int64_t width, height;
  double rate;
  bool rate_is_stride;
  bool predicts_v;  // by a schedule that ends in noise alone
  double rescale;   // to which clean latents are scaled, from kRescaleSteps on; 1: they are not
  double guidance_rescale;
};
constexpr Release k256{256, 256, 3, true, false, 1, 0}, k512{512, 320, 24, false, true, 0.7, 0.7},
    k1024{1024, 576, 10, false, true, 0.3, 0.7};
constexpr int64_t kTrainSteps = 1000, kRescaleSteps = 400;
constexpr int64_t kHeadSize = 64;  // of the released UNets, of their text encoder and resampler

const TensorEntry* entryNamed(const TensorSource& source, std::string_view name) {
  const auto found = std::find_if(source.entries.begin(), source.entries.end(),
                                  [&](const TensorEntry& entry) { return entry.name == name; });
  return found == source.entries.end() ? nullptr : &*found;
}

bool anyEnds(const TensorSource& source, std::string_view end) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [&](const TensorEntry& entry) { return entry.name.ends_with(end); });
}

/// The last number of a buffer; none where there is no such buffer.
std::optional<double> lastOf(const TensorSource& source, std::string_view name) {
  const TensorEntry* entry = entryNamed(source, name);
  if (entry == nullptr || entry->shape.size() != 1 || entry->numel() == 0) return std::nullopt;
  return entry->numberAt((entry->shape[0] - 1) * entry->strides[0]);
}

/// By the schedules that it has, else by whether its picture's scales are learned.
Release releaseOf(const TensorSource& source) {
  const std::optional<double> signal = lastOf(source, "alphas_cumprod"), scale = lastOf(source, "scale_arr");
  const bool predicts_v = signal ? *signal < 1e-8 : !anyEnds(source, ".attn2.alpha");
  if (!predicts_v) return k256;
  return scale && std::abs(*scale - k1024.rescale) < 0.05 ? k1024 : k512;
}

/// A field of the config.yaml beside the file, by the names on its way; null where there is none.
json fieldAt(const json& yaml, const std::vector<const char*>& way) {
  const json* place = &yaml;
  for (const char* name : way) {
    if (!place->is_object() || !place->contains(name)) return nullptr;
    place = &(*place)[name];
  }
  return *place;
}

/// What the config.yaml says of the whole model, and of its UNet and what makes tokens of a picture.
class ModelYaml {
 public:
  explicit ModelYaml(const std::string& file)
      : path_((fs::path(file).parent_path() / "config.yaml").string()), yaml_(readYamlIfThere(path_)) {}

  json ofModel(const char* name) const { return fieldAt(yaml_, {"model", "params", name}); }
  double number(const char* name, double fallback) const { return numberOf(ofModel(name), name, fallback); }
  int64_t whole(const char* name, int64_t fallback) const { return wholeOf(ofModel(name), name, fallback); }
  int64_t ofUNet(const char* name, int64_t fallback) const { return part("unet_config", name, fallback); }
  int64_t ofPicture(const char* name, int64_t fallback) const {
    return part("image_proj_stage_config", name, fallback);
  }
  /// Fails where the model is built as none of the released ones, which no tensor says.
  void refuseOthers() const {
    const auto require = [&](const json& value, const char* name, const json& only) {
      if (!value.is_null() && value != only) {
        failFormat(path_, c10::str(name, " is ", value.dump(), "; DynamiCrafter's released models have ",
                                   only.dump()));
      }
    };
    require(fieldAt(yaml_, {"model", "params", "unet_config", "params", "use_causal_attention"}),
            "use_causal_attention", false);
    require(ofModel("uncond_type"), "uncond_type", "empty_seq");
    require(ofModel("conditioning_key"), "conditioning_key", "hybrid");
  }
  /// How many of the text encoder's last layers are left out.
  int64_t clipSkip() const {
    return fieldAt(yaml_, {"model", "params", "cond_stage_config", "params", "layer"}) == "last" ? 0 : 1;
  }
  double unetNumber(const char* name, double fallback) const {
    return numberOf(fieldAt(yaml_, {"model", "params", "unet_config", "params", name}), name, fallback);
  }

 private:
  double numberOf(const json& value, const char* name, double fallback) const {
    if (value.is_null()) return fallback;
    if (!value.is_number()) failFormat(path_, c10::str(name, " must be a number"));
    return value.get<double>();
  }
  int64_t part(const char* config, const char* name, int64_t fallback) const {
    return wholeOf(fieldAt(yaml_, {"model", "params", config, "params", name}), name, fallback);
  }
  int64_t wholeOf(const json& value, const char* name, int64_t fallback) const {
    if (value.is_null()) return fallback;
    const bool fits =
        value.is_number_integer() && value.get<int64_t>() >= 1 && value.get<int64_t>() <= Config::kMost;
    if (!fits) failFormat(path_, c10::str(name, " must be a whole number from 1 on"));
    return value.get<int64_t>();
  }

  std::string path_;
  json yaml_;
};

/// The release with what the config.yaml says otherwise.
Release withYaml(Release release, const ModelYaml& yaml) {
  const json parameterization = yaml.ofModel("parameterization"), size = yaml.ofModel("image_size");
  if (parameterization.is_string()) release.predicts_v = parameterization == "v";
  if (yaml.ofModel("use_dynamic_rescale").is_boolean()) {
    const bool is_rescaled = yaml.ofModel("use_dynamic_rescale").get<bool>();
    release.rescale =
        is_rescaled ? yaml.number("base_scale", release.rescale == 1 ? 0.7 : release.rescale) : 1;
  }
  if (yaml.ofModel("fps_condition_type").is_string()) {
    release.rate_is_stride = yaml.ofModel("fps_condition_type") == "fs";
  }
  release.rate = yaml.unetNumber("default_fs", release.rate);
  const bool is_size = size.is_array() && size.size() == 2 && size[0].is_number_integer() &&
                       size[1].is_number_integer() && size[0].get<int64_t>() >= 1 &&
                       size[1].get<int64_t>() >= 1 && size[0].get<int64_t>() <= 512 &&
                       size[1].get<int64_t>() <= 512;
  if (is_size) {
    release.height = 8 * size[0].get<int64_t>();
    release.width = 8 * size[1].get<int64_t>();
  }
  return release;
}

json schedulerOf(const Release& release, const ModelYaml& yaml) {
  json config{{"_class_name", "LvdmDdimSampler"},
              {"num_train_timesteps", yaml.whole("timesteps", kTrainSteps)},
              {"beta_start", yaml.number("linear_start", 0.00085)},
              {"beta_end", yaml.number("linear_end", 0.012)},
              {"beta_schedule", "scaled_linear"},
              {"eta", 1.0},
              {"timestep_spacing", release.predicts_v ? "trailing" : "leading"},
              {"steps_offset", 1},
              {"prediction_type", release.predicts_v ? "v_prediction" : "epsilon"},
              {"rescale_betas_zero_snr", release.predicts_v}};
  if (release.rescale != 1) {
    config["dynamic_rescale"] = release.rescale;
    config["dynamic_rescale_steps"] = yaml.whole("turning_step", kRescaleSteps);
  }
  return config;
}

json unetConfigOf(const Layer& unet, int64_t head_dim) {
  json config = inferUNetConfig(unet);
  for (const json& channels : config["block_out_channels"]) {
    if (channels >= head_dim) continue;
    failFormat(unet.source->path, c10::str("its UNet is smaller than the released ones, and no config.yaml "
                                           "beside it says how large a head of its attention is "
                                           "(num_head_channels): put that there"));
  }
  config["_class_name"] = "DynamiCrafterUNet";
  config["attention_head_dim"] = head_dim;  // here it is that, and no number of heads
  return config;
}

json textConfigOf(const Layer& text, int64_t head_dim) {
  json config = inferClipTextConfig(text);
  const int64_t width = config["hidden_size"];
  config["num_attention_heads"] = width % head_dim == 0 ? width / head_dim : 1;
  config["hidden_act"] = "gelu";
  return config;
}

}  // namespace

BaseModel openDynamiCrafter(const std::shared_ptr<const TensorSource>& source) {
  const std::string& path = source->path;
  const ModelYaml yaml(path);
  yaml.refuseOthers();
  const Release release = withYaml(releaseOf(*source), yaml);
  const double scale_factor = yaml.number("scale_factor", 0.18215);
  const int64_t head_dim = yaml.ofUNet("num_head_channels", kHeadSize);
  const Layer unet = dynamiCrafterUNet(source);
  const json unet_config = unetConfigOf(unet, head_dim);
  const std::string tokenizer = (fs::path(path).parent_path() / "tokenizer").string();
  BaseModel model{.path = path,
                  .index = {{"head_dim", head_dim},
                            {"picture_head_dim", yaml.ofPicture("dim_head", kHeadSize)},
                            {"width", release.width},
                            {"height", release.height},
                            {"rate", release.rate},
                            {"rate_is_stride", release.rate_is_stride},
                            {"learned_scales", anyEnds(*source, ".attn2.alpha")},
                            {"clip_skip", yaml.clipSkip()},
                            {"guidance_rescale", release.predicts_v ? k512.guidance_rescale : 0}},
                  .unet_config = unet_config,
                  .unet = [=](Weights) { return Component{path, unet_config, {unet}}; },
                  .vae =
                      [=](Weights) {
                        Component vae = vaeOf(source);
                        vae.config["scaling_factor"] = scale_factor;
                        return vae;
                      },
                  .text_encoder =
                      [=](Weights) {
                        const Layer text = dynamiCrafterText(source);
                        return Component{path, textConfigOf(text, head_dim), {text}};
                      },
                  .image_encoder =
                      [=](Weights) {
                        const Layer vision = dynamiCrafterVision(source);
                        return Component{path, inferOpenClipVisionConfig(vision), {vision}};
                      },
                  .scheduler = [config = schedulerOf(release, yaml)] { return config; },
                  .scheduler_path = path,
                  .tokenizer = isFolder(tokenizer) ? tokenizer : ""};
  return model;
}

DynamiCrafterFacts dynamiCrafterFacts(const BaseModel& base) {
  const json& index = base.index;
  return {.head_dim = index["head_dim"],
          .width = index["width"],
          .height = index["height"],
          .rate = index["rate"],
          .rate_is_stride = index["rate_is_stride"],
          .learned_scales = index["learned_scales"],
          .clip_skip = index["clip_skip"],
          .guidance_rescale = index["guidance_rescale"]};
}

DynamiCrafterPicture dynamiCrafterPictureOf(const BaseModel& base,
                                            const std::vector<models::CrossAttention>& attentions) {
  const Layer layer = dynamiCrafterPicture(openWeights(base.path), attentions);
  return {imageProjectionOf(renamed(layer), base.index["picture_head_dim"]), layer};
}

}  // namespace cameo::weights
