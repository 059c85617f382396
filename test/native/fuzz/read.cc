#include "fuzz/read.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "core/config.h"
#include "models/clip_text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "samplers/noise_schedule.h"
#include "samplers/samplers.h"
#include "weights/base_model.h"
#include "weights/component.h"
#include "weights/diffusers_folder.h"
#include "weights/embedding.h"
#include "weights/inspect.h"
#include "weights/lora/file.h"
#include "weights/open_weights.h"
#include "weights/subject.h"

namespace cameo::test {

namespace {

constexpr int64_t kSteps = 10;
constexpr int64_t kWordWidth = 2, kMostVectors = 8;
constexpr int64_t kLargestRead = 1 << 20;  // elements; a tensor expanded from one number may have any count

/// A network of a component's config, without its weights, whose names and shapes are compared with the
/// files'.
template <typename Network, typename NetworkConfig>
void readNetwork(const weights::Component& component) {
  Network network(NetworkConfig::read(Config(component.config, component.path)));
  weights::checkLayers(network.parameters(), component.layers, {});
}

void readUNet(const weights::Component& component, const Config* motion = nullptr) {
  models::UNet unet(models::UNetConfig::read(Config(component.config, component.path), motion));
  weights::checkLayers(unet.parameters(), component.layers, {});
}

void readVae(const weights::Component& component) {
  readNetwork<models::Vae, models::VaeConfig>(component);
}

/// Onto the layers that the inputs' LoRAs are for.
void readLora(const std::string& path) {
  ParameterSet unet, text_encoder;
  unet.declare("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight", {8, 8});
  unet.declare("down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.weight", {8, 8});
  unet.declare("mid_block.resnets.0.conv1.weight", {8, 8, 3, 3});
  text_encoder.declare("text_model.encoder.layers.0.self_attn.q_proj.weight", {8, 8});
  const auto file =
      weights::LoraFile::read(weights::openWeights(path), {{"unet", unet}, {"text_encoder", text_encoder}});
  for (const weights::LoraAdapter& adapter : file.adapters) weights::deltaOf(adapter, 1, at::kCPU);
}

/// As the option would that takes a file of this kind.
void readAs(const std::string& kind, const std::string& path) {
  constexpr auto kRequired = weights::Weights::Required;
  if (kind == "ldm-checkpoint") {
    const weights::BaseModel base = weights::openBaseModel(path);
    const samplers::NoiseSchedule noise(samplers::ScheduleConfig::read(Config(base.scheduler(), path)));
    readNetwork<models::ClipText, models::ClipTextConfig>(base.text_encoder(kRequired));
    readUNet(base.unet(kRequired));
    readVae(base.vae(kRequired));
  } else if (kind == "lora" || kind == "motion-lora") {
    readLora(path);
  } else if (kind == "embedding") {
    weights::readEmbedding(*weights::openWeights(path), kWordWidth, kMostVectors).vectors.view().clone();
  } else if (kind == "vae" || kind == "ldm-vae") {
    readVae(weights::openVae(path, kRequired));
  } else if (kind == "motion-adapter" || kind == "animatediff-original") {
    const weights::Component opened = weights::openMotion(path, nlohmann::json::object(), kRequired);
    const Config motion(opened.config, path);
    const nlohmann::json& channels = opened.config.at("block_out_channels");
    const nlohmann::json base = {
        {"block_out_channels", channels},
        {"down_block_types", std::vector<std::string>(channels.size(), "DownBlock2D")},
        {"up_block_types", std::vector<std::string>(channels.size(), "UpBlock2D")}};
    readUNet({path, base, opened.layers}, &motion);
  }
}

void readWeights(const std::string& path) {
  const auto source = weights::openWeights(path);
  for (const weights::TensorEntry& entry : source->entries) {
    if (entry.numel() <= kLargestRead) entry.view().clone();
    entry.release();
  }
  weights::readSubjectMetadata(*source);
  readAs(weights::inspect(path).at("kind"), path);
}

Config configOf(const std::string& folder) {
  auto component = weights::openComponent(folder, "a network", "", weights::Weights::Optional);
  return Config(std::move(component.config), folder);
}

/// As a model's own, and as a request's.
void readScheduler(const nlohmann::json& config, const std::string& path) {
  const samplers::NoiseSchedule noise(samplers::ScheduleConfig::read(Config(config, path)));
  samplers::makeSampler({}, config, kSteps, path);
  samplers::makeSampler({.scheduler = config}, config, kSteps);
}

void readFolder(const std::string& folder) {
  weights::describeFolder(folder + "/base");
  weights::describeFolder(folder + "/motion");
  const std::string schedule = folder + "/base/scheduler/scheduler_config.json";
  readScheduler(weights::readJson(schedule), schedule);
  const models::ClipText text(models::ClipTextConfig::read(configOf(folder + "/base/text_encoder")));
  const models::Vae vae(models::VaeConfig::read(configOf(folder + "/base/vae")));
  const Config motion = configOf(folder + "/motion");
  const models::UNet unet(models::UNetConfig::read(configOf(folder + "/base/unet"), &motion));
}

}  // namespace

void readInput(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    readFolder(path);
  } else {
    readWeights(path);
  }
}

}  // namespace cameo::test
