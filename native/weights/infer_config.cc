#include "weights/infer_config.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "weights/names/tensor_shapes.h"
#include "weights/text.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

constexpr int64_t kHeads = 8;         // of Stable Diffusion 1's UNet
constexpr int64_t kTextHeads = 12;    // of its text encoder, CLIP ViT-L
constexpr int64_t kPictureSize = 64;  // in latents

constexpr int64_t kVisionWidth = 1280, kVisionHead = 80;  // of OpenCLIP's ViT-H
constexpr int64_t kLargestHead = 64;                      // of its other encoders
constexpr int64_t kVideoHead = 64;                        // of Stable Video Diffusion's UNet

/// OpenCLIP's ViT-H has heads of 80 numbers; of others the largest power of 2 that divides their width, as
/// theirs have.
int64_t visionHead(int64_t width) {
  if (width == kVisionWidth) return kVisionHead;
  int64_t head = 1;
  while (head < kLargestHead && width % (2 * head) == 0) head *= 2;
  return head;
}

std::string blockOf(const char* way, int64_t block) {
  return c10::str(way, ".", block, ".");
}

/// By block: its type, as a config names it.
json blockTypes(const TensorShapes& shapes, const char* way, const char* plain, const char* attending) {
  json types = json::array();
  for (int64_t i = 0; i < shapes.count(c10::str(way, ".")); ++i) {
    types.push_back(shapes.any(blockOf(way, i) + "attentions.") ? attending : plain);
  }
  return types;
}

/// By block from the outermost inwards: channels after its first convolution.
json blockChannels(const TensorShapes& shapes, const std::string& blocks,
                   const char* convolution = ".resnets.0.conv1.weight") {
  json channels = json::array();
  for (int64_t i = 0; i < shapes.count(blocks); ++i) {
    channels.push_back(shapes.size(c10::str(blocks, i, convolution), 0));
  }
  return channels;
}

json blockLayers(const TensorShapes& shapes) {
  json layers = json::array();
  for (int64_t i = 0; i < shapes.count("down_blocks."); ++i) {
    layers.push_back(shapes.count(blockOf("down_blocks", i) + "resnets."));
  }
  return layers;
}

}  // namespace

json inferUNetConfig(const Layer& unet) {
  const TensorShapes shapes(unet);
  const std::string cross = shapes.firstEndingIn(".attn2.to_k.weight");
  const std::string place = cross.substr(0, cross.find("transformer_blocks."));
  return {{"_class_name", "UNet2DConditionModel"},
          {"in_channels", shapes.size("conv_in.weight", 1)},
          {"out_channels", shapes.size("conv_out.weight", 0)},
          {"block_out_channels", blockChannels(shapes, "down_blocks.")},
          {"layers_per_block", blockLayers(shapes)},
          {"down_block_types", blockTypes(shapes, "down_blocks", "DownBlock2D", "CrossAttnDownBlock2D")},
          {"up_block_types", blockTypes(shapes, "up_blocks", "UpBlock2D", "CrossAttnUpBlock2D")},
          {"attention_head_dim", kHeads},  // the number of heads, despite its name
          {"transformer_layers_per_block", shapes.count(place + "transformer_blocks.")},
          {"cross_attention_dim", shapes.size(cross, 1)},
          {"use_linear_projection", shapes.dimensions(place + "proj_in.weight") == 2},
          {"sample_size", kPictureSize}};
}

json inferVideoUNetConfig(const Layer& unet) {
  const TensorShapes shapes(unet);
  const json channels = blockChannels(shapes, "down_blocks.", ".resnets.0.spatial_res_block.conv1.weight");
  json heads = json::array();
  for (const json& each : channels) heads.push_back(std::max<int64_t>(each.get<int64_t>() / kVideoHead, 1));
  const std::string cross = shapes.firstEndingIn(".attn2.to_k.weight");
  const std::string place = cross.substr(0, cross.find("transformer_blocks."));
  const int64_t time_ids = shapes.size("add_embedding.linear_1.weight", 1);
  return {{"_class_name", "UNetSpatioTemporalConditionModel"},
          {"in_channels", shapes.size("conv_in.weight", 1)},
          {"out_channels", shapes.size("conv_out.weight", 0)},
          {"block_out_channels", channels},
          {"layers_per_block", blockLayers(shapes)},
          {"down_block_types",
           blockTypes(shapes, "down_blocks", "DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal")},
          {"up_block_types",
           blockTypes(shapes, "up_blocks", "UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal")},
          {"num_attention_heads", heads},
          {"transformer_layers_per_block", shapes.count(place + "transformer_blocks.")},
          {"cross_attention_dim", shapes.size(cross, 1)},
          {"addition_time_embed_dim", time_ids / 3},
          {"projection_class_embeddings_input_dim", time_ids}};
}

json inferVaeConfig(const Layer& vae) {
  const TensorShapes shapes(vae);
  const json channels = blockChannels(shapes, "encoder.down_blocks.");
  return {{"_class_name", "AutoencoderKL"},
          {"in_channels", shapes.size("encoder.conv_in.weight", 1)},
          {"out_channels", shapes.size("decoder.conv_out.weight", 0)},
          {"latent_channels", shapes.size("decoder.conv_in.weight", 1)},
          {"block_out_channels", channels},
          {"down_block_types", std::vector<std::string>(channels.size(), "DownEncoderBlock2D")},
          {"up_block_types", std::vector<std::string>(channels.size(), "UpDecoderBlock2D")},
          {"layers_per_block", shapes.count("encoder.down_blocks.0.resnets.")},
          {"mid_block_add_attention", shapes.any("encoder.mid_block.attentions.")},
          {"use_quant_conv", shapes.any("quant_conv.")},
          {"use_post_quant_conv", shapes.any("post_quant_conv.")},
          {"sample_size", 8 * kPictureSize}};
}

json inferClipTextConfig(const Layer& text_encoder) {
  const TensorShapes shapes(text_encoder);
  const std::string embeddings = "text_model.embeddings.", layers = "text_model.encoder.layers.";
  const int64_t channels = shapes.size(embeddings + "token_embedding.weight", 1);
  return {{"architectures", {"CLIPTextModel"}},
          {"vocab_size", shapes.size(embeddings + "token_embedding.weight", 0)},
          {"hidden_size", channels},
          {"intermediate_size", shapes.size(layers + "0.mlp.fc1.weight", 0)},
          {"num_hidden_layers", shapes.count(layers)},
          {"num_attention_heads", kTextHeads},
          {"max_position_embeddings", shapes.size(embeddings + "position_embedding.weight", 0)},
          {"hidden_act", "quick_gelu"}};
}

json inferOpenClipVisionConfig(const Layer& vision) {
  const TensorShapes shapes(vision);
  const std::string embeddings = "vision_model.embeddings.", layers = "vision_model.encoder.layers.";
  const int64_t width = shapes.size(embeddings + "class_embedding", 0);
  const int64_t patch = shapes.size(embeddings + "patch_embedding.weight", 2);
  const auto patches = static_cast<double>(shapes.size(embeddings + "position_embedding.weight", 0) - 1);
  return {{"hidden_size", width},
          {"intermediate_size", shapes.size(layers + "0.mlp.fc1.weight", 0)},
          {"num_hidden_layers", shapes.count(layers)},
          {"num_attention_heads", std::max<int64_t>(width / visionHead(width), 1)},
          {"image_size", static_cast<int64_t>(std::llround(std::sqrt(std::max(patches, 0.0)))) * patch},
          {"patch_size", patch},
          {"projection_dim", shapes.size("visual_projection.weight", 0)},
          {"hidden_act", "gelu"}};
}

json inferMotionConfig(const Layer& motion, const json& unet_config) {
  const TensorShapes shapes(motion);
  json channels = json::array(), layers = json::array();
  for (int64_t i = 0; i < shapes.count("down_blocks."); ++i) {
    const std::string modules = blockOf("down_blocks", i) + "motion_modules.";
    channels.push_back(shapes.size(modules + "0.norm.weight", 0));
    layers.push_back(shapes.count(modules));
  }
  const std::string blocks = "down_blocks.0.motion_modules.0.transformer_blocks.";
  return {{"_class_name", "MotionAdapter"},
          {"block_out_channels", channels},
          {"motion_layers_per_block", layers},
          {"motion_num_attention_heads", unet_config.value("attention_head_dim", json(kHeads))},
          {"motion_transformer_layers_per_block", shapes.count(blocks)},
          {"motion_max_seq_length", shapes.size(blocks + "0.pos_embed.pe", 1)},
          {"use_motion_mid_block", shapes.any("mid_block.")}};
}

}  // namespace cameo::weights
