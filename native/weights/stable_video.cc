#include "weights/stable_video.h"

#include <filesystem>

#include "weights/infer_config.h"
#include "weights/names/stable_video.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kFrames = 14, kFramesOfXt = 25;

int64_t framesByName(const std::string& path) {
  return fs::path(path).filename().string().find("xt") == std::string::npos ? kFrames : kFramesOfXt;
}

/// As diffusers' folder has it.
json stableVideoScheduler() {
  return {{"_class_name", "EulerDiscreteScheduler"},
          {"num_train_timesteps", 1000},
          {"beta_start", 0.00085},
          {"beta_end", 0.012},
          {"beta_schedule", "scaled_linear"},
          {"interpolation_type", "linear"},
          {"prediction_type", "v_prediction"},
          {"sigma_min", 0.002},
          {"sigma_max", 700.0},
          {"steps_offset", 1},
          {"timestep_spacing", "leading"},
          {"timestep_type", "continuous"},
          {"use_karras_sigmas", true}};
}

}  // namespace

BaseModel openStableVideo(const std::shared_ptr<const TensorSource>& source) {
  const std::string& path = source->path;
  const Layer unet = stableVideoUNet(source);
  json unet_config = inferVideoUNetConfig(unet);
  unet_config["num_frames"] = framesByName(path);
  return {.path = path,
          .index = json::object(),
          .unet_config = unet_config,
          .unet = [=](Weights) { return Component{path, unet_config, {unet}}; },
          .vae =
              [=](Weights) {
                const Layer vae = stableVideoVae(source);
                json config = inferVaeConfig(vae);
                config["_class_name"] = kTemporalVaeClass;
                return Component{path, config, {vae}};
              },
          .text_encoder = {},
          .image_encoder =
              [=](Weights) {
                const Layer vision = stableVideoVision(source);
                return Component{path, inferOpenClipVisionConfig(vision), {vision}};
              },
          .scheduler = stableVideoScheduler,
          .scheduler_path = path,
          .tokenizer = ""};
}

}  // namespace cameo::weights
