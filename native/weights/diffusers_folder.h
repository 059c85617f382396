#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "weights/json_file.h"

namespace cameo::weights {

/// A component's folder in the diffusers layout: `unet/`, `vae/`, `text_encoder/`, a MotionAdapter.
struct ComponentFolder {
  std::string path;
  nlohmann::json config;  // an object
  std::string weights;    // the file or the sharded index to hand to `openWeights`; "" where there are none
};

enum class Weights { Required, Optional };

/// Opens `folder`: `config.json` and the weights, `.safetensors` before `.bin`. `variant` ("fp16") is taken
/// where it is asked for and throws where it isn't there; "" takes the plain files, else the only variant.
/// Where weights are optional, a folder with a config alone will do.
/// `what` names the component in messages ("the UNet"). Throws `ErrorCode::WeightsFormat`, naming the folder,
/// what was expected in it and what it looks like instead.
ComponentFolder openComponent(const std::string& folder, const std::string& what,
                              const std::string& variant = "", Weights weights = Weights::Required);

/// What a folder is, in words for a message: "a diffusers pipeline (StableDiffusionPipeline)", "a
/// MotionAdapter (it goes with --motion)", "an empty folder", ...
std::string describeFolder(const std::string& folder);

}  // namespace cameo::weights
