#include "families/stable_diffusion/image_prompt.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/error.h"
#include "pipeline/clip_pixels.h"
#include "pipeline/device_visit.h"
#include "pipeline/encodings.h"
#include "weights/text.h"

namespace cameo::families {

namespace {

using Kind = models::ImageProjectionConfig::Kind;
using pipeline::ImagePromptScale;

/// Whether a layer is the part of this name, or within it.
bool isOfPart(const std::string& layer, const std::string& part) {
  return layer.starts_with(part) && (layer.size() == part.size() || layer[part.size()] == '.');
}

/// Of the parts that have a layer, the longest name counts.
double scaleOf(const ImagePromptScale& scale, const std::string& layer) {
  const std::pair<const std::string, double>* longest = nullptr;
  for (const auto& part : scale.blocks) {
    if (!isOfPart(layer, part.first)) continue;
    if (longest == nullptr || part.first.size() > longest->first.size()) longest = &part;
  }
  return scale.scale * (longest == nullptr ? 1 : longest->second);
}

/// What a cross-attention's transformer is called: "down_blocks.0.attentions.1".
std::string transformerOf(const std::string& layer) {
  return layer.substr(0, layer.find(".transformer_blocks."));
}

void checkBlocks(const std::vector<models::CrossAttention>& layers, const ImagePromptScale& scale) {
  for (const auto& [part, factor] : scale.blocks) {
    const bool is_there = std::any_of(layers.begin(), layers.end(),
                                      [&](const auto& layer) { return isOfPart(layer.name, part); });
    if (is_there) continue;
    std::string names;
    for (const auto& layer : layers) {
      const std::string name = transformerOf(layer.name);
      if (!names.ends_with(name)) names += (names.empty() ? "" : ", ") + name;
    }
    throw Error(ErrorCode::InvalidOption,
                c10::str("ipScale: blocks: no layer of this model that reads pictures is within ",
                         weights::quote(part), "; there are ", names));
  }
}

/// What the image encoder makes of pictures, as the adapter takes it: (pictures, ...), and of none.
struct EncodedPictures {
  at::Tensor shown, none;
};

EncodedPictures encodePictures(const StableDiffusion& model, const pipeline::SampleRequest& request,
                               pipeline::Recorder& recorder) {
  const models::ClipVision& encoder = *model.image_encoder;
  std::vector<at::Tensor> pictures;
  for (const pipeline::RgbImage& picture : request.picturesOf(pipeline::kIpImage)) {
    pictures.push_back(pipeline::clipPixels(picture, encoder.config().image_size));
  }
  const at::Tensor pixels = at::cat(pictures);
  recorder.add("clip_pixels", pixels);
  const auto key = pipeline::EncodingKey().add(request.picturesOf(pipeline::kIpImage));
  const auto encoded = pipeline::encodedOnce(request, "image prompt", key, [&]() -> std::vector<at::Tensor> {
    const pipeline::DeviceVisit visit(model.image_encoder->parameters(), model.device);
    const at::Tensor on_device = pixels.to(model.device, model.dtype);
    if (model.ip_adapter->config().kind == Kind::Plain) {
      const at::Tensor shown = encoder.embed(on_device);
      return {shown, at::zeros_like(shown)};
    }
    const at::Tensor none = encoder.states(at::zeros_like(on_device.narrow(0, 0, 1)), 1);
    const at::Tensor shown = encoder.states(on_device, 1);
    return {shown, none.expand_as(shown)};
  });
  return {encoded[0], encoded[1]};
}

/// Pictures' keys and values, which stay what they are, and how far they count at each step.
class ImagePromptConditioner : public Conditioner {
 public:
  ImagePromptConditioner(nn::ImagePrompts prompts, const std::vector<models::CrossAttention>& layers,
                         const std::vector<ImagePromptScale>& scales)
      : prompts_(std::move(prompts)), layers_(layers), scales_(scales) {}

  void apply(models::UNetInput& input, const Evaluated& what) override {
    const ImagePromptScale* scale = scaleAt(what.moment.progress());
    if (scale == nullptr) return;
    applied_ = prompts_;
    for (size_t i = 0; i < applied_.size(); ++i) {
      applied_[i].scale = scaleOf(*scale, layers_[i].name);
      for (at::Tensor* part : {&applied_[i].k, &applied_[i].v}) {
        *part = part->narrow(0, what.first_branch, what.branches);
      }
    }
    input.image_prompts = &applied_;
  }

 private:
  /// The first whose part of the schedule has this moment; null: none.
  const ImagePromptScale* scaleAt(double progress) const {
    for (const ImagePromptScale& scale : scales_) {
      if (scale.range.from <= progress && progress < scale.range.to) return &scale;
    }
    return nullptr;
  }

  nn::ImagePrompts prompts_, applied_;  // of all branches, of those that are evaluated
  std::vector<models::CrossAttention> layers_;
  std::vector<ImagePromptScale> scales_;
};

}  // namespace

std::optional<ImagePromptFiles> openImagePrompt(StableDiffusion& model,
                                                const pipeline::LoadOptions& options) {
  const auto refuse = [](ErrorCode code, const std::string& message) { throw Error(code, message); };
  if (options.ip_adapter.empty()) {
    if (!options.image_encoder.empty()) {
      refuse(ErrorCode::InvalidOption,
             "imageEncoder: it is for pictures as a prompt; name their adapter, too, "
             "with `ipAdapter`");
    }
    return std::nullopt;
  }
  ImagePromptFiles files;
  files.adapter = weights::openIpAdapter(options.ip_adapter, models::crossAttentions(model.unet->config()));
  const std::string folder =
      options.image_encoder.empty() ? weights::imageEncoderOf(options.ip_adapter) : options.image_encoder;
  if (folder.empty()) {
    refuse(ErrorCode::InvalidOption, c10::str("imageEncoder is missing: ", options.ip_adapter,
                                              " has no folder image_encoder beside it; name the one that the "
                                              "adapter was trained with"));
  }
  files.image_encoder = weights::openImageEncoder(folder, weights::Weights::Required);
  const auto encoder =
      models::ClipVisionConfig::read(Config(files.image_encoder.config, files.image_encoder.path));
  const auto& adapter = files.adapter.config;
  const int64_t given = adapter.kind == Kind::Plain ? encoder.projection_dim : encoder.hidden_size;
  if (given != adapter.image_dim) {
    refuse(
        ErrorCode::WeightsMismatch,
        c10::str(files.adapter.path, ": it reads ", adapter.image_dim, " numbers of an image encoder, and ",
                 folder, " gives ", given, "; name the encoder that it was trained with, by `imageEncoder`"));
  }
  model.image_encoder = std::make_unique<models::ClipVision>(encoder);
  model.ip_adapter =
      std::make_unique<models::IpAdapter>(adapter, models::crossAttentions(model.unet->config()));
  return files;
}

void checkImagePrompt(const StableDiffusion& model, const pipeline::SampleRequest& request) {
  const bool has_pictures = !request.picturesOf(pipeline::kIpImage).empty();
  if (has_pictures && !model.ip_adapter) {
    throw Error(ErrorCode::InvalidOption,
                "ipImage: this pipeline has no adapter that reads pictures; load one "
                "with `ipAdapter`");
  }
  if (!has_pictures && model.ip_adapter) {
    throw Error(ErrorCode::InvalidOption,
                "ipImage is missing: this pipeline has an adapter that reads pictures; give it one");
  }
  if (!model.ip_adapter) return;
  const auto layers = models::crossAttentions(model.unet->config());
  for (const ImagePromptScale& scale : request.image_prompt_scales) checkBlocks(layers, scale);
}

void addImagePrompt(Conditions& conditions, const StableDiffusion& model,
                    const pipeline::SampleRequest& request, pipeline::Recorder& recorder) {
  if (!model.ip_adapter) return;
  const auto [shown, none] = encodePictures(model, request, recorder);
  const pipeline::DeviceVisit visit(model.ip_adapter->parameters(), model.device);
  // (1, tokens of all pictures, D)
  const auto tokensOf = [&](const at::Tensor& pictures) {
    return model.ip_adapter->tokens(pictures).flatten(0, 1).unsqueeze(0);
  };
  const at::Tensor tokens = tokensOf(shown);
  recorder.add("image_embeds", shown.unsqueeze(0));
  recorder.add("negative_image_embeds", none.unsqueeze(0));
  recorder.add("image_tokens", tokens);
  const int64_t shown_branches = conditions.text.size(0) - conditions.unconditional;
  std::vector<at::Tensor> rows(shown_branches, tokens);
  if (conditions.unconditional > 0) rows.insert(rows.begin(), conditions.unconditional, tokensOf(none));
  conditions.others.push_back(std::make_unique<ImagePromptConditioner>(
      model.ip_adapter->prompts(at::cat(rows)), models::crossAttentions(model.unet->config()),
      request.image_prompt_scales));
}

}  // namespace cameo::families
