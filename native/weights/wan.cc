#include "weights/wan.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/paths.h"
#include "weights/film_vae.h"
#include "weights/identify.h"
#include "weights/infer_config.h"
#include "weights/json_file.h"
#include "weights/names/tensor_shapes.h"
#include "weights/names/wan.h"
#include "weights/names/wan_clip.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Of all released models.
constexpr int64_t kWanHeadSize = 128;
constexpr auto kTransformers = std::to_array<const char*>(
    {"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json",
     "diffusion_pytorch_model.pth", "diffusion_pytorch_model.bin"});
constexpr auto kVaes =
    std::to_array<const char*>({"Wan2.1_VAE.safetensors", "Wan2.1_VAE.pth", "wan_2.1_vae.safetensors"});
constexpr auto kTextEncoders = std::to_array<const char*>(
    {"models_t5_umt5-xxl-enc-bf16.safetensors", "models_t5_umt5-xxl-enc-bf16.pth"});
constexpr auto kImageEncoders =
    std::to_array<const char*>({"models_clip_open-clip-xlm-roberta-large-vit-huge-14.safetensors",
                                "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"});
constexpr const char* kTokenizer = "google/umt5-xxl";

template <size_t Count>
std::string firstThere(const std::string& folder, const std::array<const char*, Count>& names) {
  for (const char* name : names) {
    if (isFile(fs::path(folder) / name)) return (fs::path(folder) / name).string();
  }
  return "";
}

/// The only other weight file, whatever its name is.
std::string onlyOther(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    const std::string name = entry.path().filename().string(), end = entry.path().extension().string();
    const auto isNamed = [&](const auto& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    const bool is_weights = end == ".pth" || end == ".safetensors" || end == ".pt";
    if (is_weights && !isNamed(kVaes) && !isNamed(kTextEncoders) && !name.starts_with("models_")) {
      found.push_back(entry.path().string());
    }
  }
  return found.size() == 1 ? found.front() : "";
}

std::string required(const std::string& file, const std::string& folder, const char* what, const char* name) {
  if (!file.empty()) return file;
  failFormat(folder, c10::str("it has no ", what, ": ", name, " was expected in it"));
}

/// How many layers a file numbers: `start` 0., `start` 1. ...
int64_t layersOf(const TensorSource& source, const std::string& start) {
  return TensorShapes({std::make_shared<TensorSource>(source),
                       [](std::string_view key) { return std::optional<std::string>(key); }})
      .count(start);
}

KeyMap mapOf(NameTable names) {
  return [names = std::move(names)](std::string_view key) -> std::optional<std::string> {
    return names.toOurs(key).value_or(std::string(key));
  };
}

int64_t headsOf(const TensorShapes& shapes, const json& released, int64_t dim) {
  const json heads = released.value("num_heads", json(dim / kWanHeadSize));
  const bool is_count = heads.is_number_integer() && heads.get<int64_t>() >= 1 && heads.get<int64_t>() <= dim;
  if (is_count && dim % heads.get<int64_t>() == 0 &&
      (released.contains("num_heads") || dim % kWanHeadSize == 0)) {
    return heads;
  }
  failFormat(shapes.path(), c10::str("its width of ", dim, " is no whole number of heads: num_heads of the ",
                                     "config.json beside it must divide it, or, where it has none, ",
                                     kWanHeadSize, ", a released model's head"));
}

/// Where no config says it, VACE's blocks are spread evenly over the layers, as in all released ones.
void addVace(json& config, const TensorShapes& shapes, const json& released) {
  const int64_t layers = config["num_layers"], blocks = shapes.count("vace_blocks.");
  config["_class_name"] = kVaceClass;
  config["vace_in_channels"] = shapes.size("vace_patch_embedding.weight", 1);
  config["vace_layers"] = released.value("vace_layers", json());
  if (config["vace_layers"].is_array()) return;
  config["vace_layers"] = json::array();
  for (int64_t i = 0; i < blocks; ++i)
    config["vace_layers"].push_back(i * std::max<int64_t>(layers / blocks, 1));
}

void addImage(json& config, const TensorShapes& shapes) {
  const std::string embedder = "condition_embedder.image_embedder.";
  config["image_dim"] = shapes.size(embedder + "norm1.weight", 0);
  config["added_kv_proj_dim"] = shapes.size("patch_embedding.weight", 0);
  if (shapes.any(embedder + "pos_embed"))
    config["pos_embed_seq_len"] = shapes.size(embedder + "pos_embed", 1);
}

json transformerConfig(const Layer& layer, const json& released) {
  const TensorShapes shapes(layer);
  const int64_t dim = shapes.size("patch_embedding.weight", 0), heads = headsOf(shapes, released, dim);
  std::vector<int64_t> patch;
  for (size_t axis : {2, 3, 4}) patch.push_back(shapes.size("patch_embedding.weight", axis));
  const int64_t latents = std::max<int64_t>(patch[0] * patch[1] * patch[2], 1);
  json config{{"_class_name", kWanClass},
              {"patch_size", patch},
              {"num_attention_heads", heads},
              {"attention_head_dim", dim / heads},
              {"in_channels", shapes.size("patch_embedding.weight", 1)},
              {"out_channels", shapes.size("proj_out.weight", 0) / latents},
              {"text_dim", shapes.size("condition_embedder.text_embedder.linear_1.weight", 1)},
              {"freq_dim", shapes.size("condition_embedder.time_embedder.linear_1.weight", 1)},
              {"ffn_dim", shapes.size("blocks.0.ffn.net.0.proj.weight", 0)},
              {"num_layers", shapes.count("blocks.")},
              {"cross_attn_norm", shapes.any("blocks.0.norm2.")}};
  if (released.contains("eps")) config["eps"] = released["eps"];
  if (shapes.any("vace_blocks.")) addVace(config, shapes, released);
  if (shapes.any("condition_embedder.image_embedder.")) addImage(config, shapes);
  return config;
}

json textConfig(const Layer& layer) {
  const TensorShapes shapes(layer);
  const std::string block = "encoder.block.0.layer.", attention = block + "0.SelfAttention.";
  const std::string bias = attention + "relative_attention_bias.weight";
  const int64_t heads = std::max<int64_t>(shapes.size(bias, 1), 1);
  return {{"model_type", "umt5"},
          {"vocab_size", shapes.size("shared.weight", 0)},
          {"d_model", shapes.size("shared.weight", 1)},
          {"d_kv", shapes.size(attention + "q.weight", 0) / heads},
          {"d_ff", shapes.size(block + "1.DenseReluDense.wi_0.weight", 0)},
          {"num_layers", shapes.count("encoder.block.")},
          {"num_heads", heads},
          {"relative_attention_num_buckets", shapes.size(bias, 0)},
          {"feed_forward_proj", "gated-gelu"}};
}

Component openText(const std::string& file) {
  const auto source = openWeights(file);
  if (identify(*source).kind != "wan-text")
    failOtherKind(*source, "umT5's encoder, as Wan's authors publish it,");
  const Layer layer{wanTextSource(source)};
  return {file, textConfig(layer), {layer}};
}

Layer withOurNames(const std::shared_ptr<const TensorSource>& source) {
  return {source, mapOf(wanTransformerNames(layersOf(*source, "blocks.")))};
}

/// Wan's transformer, or VACE's.
Layer openReleased(const std::string& file) {
  const auto source = openWeights(file);
  const std::string_view kind = identify(*source).kind;
  if (kind == "vace") return {source};
  return kind == "vace-released" ? withOurNames(source) : wanTransformerLayer(file, "Wan's transformer");
}

Component openVision(const std::string& file) {
  const auto source = openWeights(file);
  if (identify(*source).kind != "wan-clip") failOtherKind(*source, "CLIP, as Wan's authors publish it,");
  const Layer layer = wanClipVision(*source);
  return {file, inferOpenClipVisionConfig(layer), {layer}};
}

}  // namespace

ReleasedWanFiles releasedWanFiles(const std::string& folder) {
  ReleasedWanFiles files{.transformer = firstThere(folder, kTransformers),
                         .vae = firstThere(folder, kVaes),
                         .text_encoder = firstThere(folder, kTextEncoders),
                         .image_encoder = firstThere(folder, kImageEncoders)};
  if (files.transformer.empty()) files.transformer = onlyOther(folder);
  return files;
}

bool isReleasedWan(const std::string& folder) {
  const std::string config = (fs::path(folder) / "config.json").string();
  if (isFile(config)) {
    const json name = readJson(config).value("_class_name", json());
    if (name == "WanModel" || name == "VaceWanModel") return true;
  }
  return !firstThere(folder, kVaes).empty() && !releasedWanFiles(folder).transformer.empty();
}

std::shared_ptr<const TensorSource> wanTextSource(const std::shared_ptr<const TensorSource>& source) {
  const Layer layer{source, mapOf(wanTextNames(layersOf(*source, "blocks.")))};
  return std::make_shared<TensorSource>(renamed(layer));
}

Layer wanTransformerLayer(const std::string& file, const char* what) {
  const auto source = openWeights(file);
  const std::string_view kind = identify(*source).kind;
  if (kind == "wan") return {source};
  if (kind != "wan-released") failOtherKind(*source, what);
  return withOurNames(source);
}

json releasedWanScheduler() {
  return {{"_class_name", "UniPCMultistepScheduler"},
          {"num_train_timesteps", 1000},
          {"prediction_type", "flow_prediction"},
          {"use_flow_sigmas", true},
          {"released_flow_sigmas", true},
          {"flow_shift", 5.0}};
}

BaseModel openReleasedWan(const std::string& folder) {
  const ReleasedWanFiles files = releasedWanFiles(folder);
  const Layer transformer =
      openReleased(required(files.transformer, folder, "transformer", kTransformers.front()));
  const json config =
      transformerConfig(transformer, readJsonIfThere((fs::path(folder) / "config.json").string()));
  const std::string path = transformer.source->path;
  return {
      .path = folder,
      .index = {{"_class_name", "WanPipeline"}, {"released", true}},
      .unet_config = json::object(),
      .transformer_config = config,
      .unet = {},
      .transformer = [=](Weights) { return Component{path, config, {transformer}}; },
      .vae =
          [=](Weights weights) {
            return openFilmVae(required(files.vae, folder, "VAE", "Wan2.1_VAE.pth"), weights, kWanVaeClass);
          },
      .text_encoder =
          [=](Weights) {
            return openText(required(files.text_encoder, folder, "text encoder", kTextEncoders.back()));
          },
      .image_encoder =
          [=](Weights) {
            return openVision(required(files.image_encoder, folder, "image encoder", kImageEncoders.back()));
          },
      .scheduler = releasedWanScheduler,
      .scheduler_path = folder,
      .tokenizer = (fs::path(folder) / kTokenizer).string()};
}

}  // namespace cameo::weights
