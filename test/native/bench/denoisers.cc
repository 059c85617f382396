#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <ctime>
#include <functional>

#include "bench/resident.h"
#include "core/memory_pool.h"
#include "harness.h"
#include "models/dit/cogvideox.h"
#include "models/dit/latte_transformer.h"
#include "models/dit/wan_transformer.h"
#include "models/initialize.h"
#include "models/space_time_unet/i2vgen_unet.h"
#include "models/video_unet/video_unet.h"

namespace cameo::test {

namespace {

/// Evaluates a network once, on inputs that it keeps.
using Evaluation = std::function<void()>;

/// What diffusers' network takes, by its names and in its order of axes.
using Inputs = std::map<std::string, at::Tensor>;

constexpr double kTime = 801;

/// A network of drawn weights, by its config.
template <typename Network, typename NetworkConfig>
std::shared_ptr<Network> drawn(const NetworkConfig& config, at::ScalarType dtype) {
  auto network = std::make_shared<Network>(config);
  models::initialize(network->parameters(), 0, {.dtype = dtype});
  return network;
}

Evaluation cogVideoX(const Config& config, at::ScalarType dtype, const Inputs& inputs) {
  const auto model = drawn<models::CogVideoX>(models::CogVideoXConfig::read(config), dtype);
  const models::CogVideoXInput input{.latents = inputs.at("hidden_states"),
                                     .timesteps = at::full({2}, kTime, at::kLong),
                                     .text = inputs.at("encoder_hidden_states"),
                                     .offset = {}};
  return [=] { model->forward(input); };
}

Evaluation stableVideo(const Config& config, at::ScalarType dtype, const Inputs& inputs) {
  const auto model = drawn<models::VideoUNet>(models::VideoUNetConfig::read(config), dtype);
  const models::VideoUNetInput input{.images = inputs.at("sample"),
                                     .timesteps = at::full({2}, kTime),
                                     .time_ids = inputs.at("added_time_ids"),
                                     .picture = inputs.at("encoder_hidden_states")};
  return [=] { model->forward(input); };
}

Evaluation i2vgen(const Config& config, at::ScalarType dtype, const Inputs& inputs) {
  const auto model = drawn<models::I2VGenUNet>(models::I2VGenConfig::read(config), dtype);
  const at::Tensor images = inputs.at("sample").transpose(1, 2).contiguous();
  const at::Tensor shown = inputs.at("image_latents")[0].transpose(0, 1).contiguous();
  const auto conditions =
      model->conditions(inputs.at("encoder_hidden_states"), inputs.at("image_embeddings"), shown, 16);
  return [=] { model->forward(images, at::full({2}, kTime), conditions); };
}

Evaluation latte(const Config& config, at::ScalarType dtype, const Inputs& inputs) {
  const auto model = drawn<models::LatteTransformer>(models::LatteConfig::read(config), dtype);
  const at::Tensor latents = inputs.at("hidden_states").transpose(1, 2).contiguous();
  return [=] { model->forward(latents, kTime, inputs.at("encoder_hidden_states")); };
}

Evaluation wan(const Config& config, at::ScalarType dtype, const Inputs& inputs) {
  const auto model = drawn<models::WanTransformer>(models::WanConfig::read(config), dtype);
  const at::Tensor latents = inputs.at("hidden_states").transpose(1, 2).contiguous();
  const auto texts =
      std::make_shared<models::WanReads>(model->read(model->embedTexts(inputs.at("encoder_hidden_states"))));
  return [=] {
    model->forward({.latents = latents, .timesteps = at::full({1}, kTime, at::kDouble), .texts = *texts});
  };
}

const std::map<std::string, Evaluation (*)(const Config&, at::ScalarType, const Inputs&)> kNetworks = {
    {"CogVideoXTransformer3DModel", cogVideoX},
    {"UNetSpatioTemporalConditionModel", stableVideo},
    {"I2VGenXLUNet", i2vgen},
    {"LatteTransformer3DModel", latte},
    {"WanTransformer3DModel", wan},
};

/// One of bench/denoisers' networks: seconds of each evaluation, by the clock and of all cores, and the
/// largest memory of all, beside the weights and with them.
Tensors timeDenoiser(const Json& work, const Tensors&) {
  const c10::InferenceMode inference;
  const MemoryPool::Scope pooled;
  const at::ScalarType dtype = work.at("dtype") == "bf16" ? at::kBFloat16 : at::kFloat;
  Inputs inputs;
  for (const auto& [name, shape] : work.at("inputs").items()) {
    inputs[name] = at::randn(shape.get<std::vector<int64_t>>()).to(dtype);
  }
  // What pads a text to the length that the network takes is zeros.
  if (work.contains("textTokens")) {
    at::Tensor& text = inputs.at("encoder_hidden_states");
    text.slice(1, work.at("textTokens").get<int64_t>()).zero_();
  }
  const Evaluation evaluate =
      kNetworks.at(work.at("class"))(Config(work.at("config"), "config"), dtype, inputs);
  std::vector<double> seconds, cpu_seconds;
  double bytes = 0, peak = 0;
  for (int64_t i = 0; i < work.at("evaluations"); ++i) {
    restartPeak();
    const double before = residentBytes("VmRSS");
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    evaluate();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    seconds.push_back(took.count());
    cpu_seconds.push_back(static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
    peak = std::max(peak, residentBytes("VmHWM"));
    bytes = std::max(bytes, residentBytes("VmHWM") - before);
  }
  return {{"seconds", at::tensor(seconds, at::kFloat)},
          {"cpuSeconds", at::tensor(cpu_seconds, at::kFloat)},
          {"bytes", at::tensor({bytes}, at::kDouble)},
          {"peak", at::tensor({peak}, at::kDouble)}};
}

}  // namespace

const bool kDenoisersTimed = addProbe("bench.denoiser", timeDenoiser);

}  // namespace cameo::test
