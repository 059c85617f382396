#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "weights/component.h"

namespace cameo::weights {

inline constexpr const char* kCogVideoXClass = "CogVideoXTransformer3DModel";
inline constexpr const char* kLatteClass = "LatteTransformer3DModel";
inline constexpr const char* kWanClass = "WanTransformer3DModel";
inline constexpr const char* kVaceClass = "WanVACETransformer3DModel";

/// The files of a base model, of Stable Diffusion's kind or of one for films: a folder in the
/// diffusers layout, or a checkpoint in one file, whose sizes come from its tensors.
struct BaseModel {
  std::string path;
  nlohmann::json index;                                          // what model_index.json says; an object
  nlohmann::json unet_config;                                    // an object, empty where there is none
  nlohmann::json transformer_config = nlohmann::json::object();  // the same
  /// Throw `ErrorCode::WeightsFormat` where the network isn't there.
  std::function<Component(Weights)> unet, transformer = {}, vae, text_encoder, image_encoder;
  std::function<nlohmann::json()> scheduler;  // its config
  std::string scheduler_path;                 // what messages call that
  std::string tokenizer;                      // its folder; "": CLIP's own
};

/// Whether a UNet's config is that of Stable Video Diffusion's.
bool isVideoUNet(const nlohmann::json& unet_config);
/// Whether it is that of I2VGen-XL's.
bool isI2VGenUNet(const nlohmann::json& unet_config);

/// Whether it is what a DynamiCrafter checkpoint's is said to be here.
bool isDynamiCrafterUNet(const nlohmann::json& unet_config);

/// Throws `ErrorCode::WeightsFormat` and `ErrorCode::WeightsUnsafe`, and `ErrorCode::WeightsMismatch` for a
/// file that is no checkpoint.
BaseModel openBaseModel(const std::string& path);

}  // namespace cameo::weights
