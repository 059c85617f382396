#include "families/t5_text.h"

#include <ATen/ATen.h>

#include <chrono>
#include <fstream>
#include <map>
#include <string>

#include "core/device.h"
#include "harness.h"
#include "pipeline/encodings.h"
#include "weights/diffusers_folder.h"
#include "weights/open_weights.h"

namespace cameo::test {

namespace {

using families::T5Padding, families::T5Text;

/// A model of nothing but text.
struct TextAlone : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override { return {}; }
  const pipeline::LatentCodec& codec() const override { throw std::logic_error("there is no codec"); }
  void check(const pipeline::SampleRequest&) const override {}
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest&) const override {
    return {};
  }
  int64_t largestTensor(const pipeline::SampleRequest&) const override { return 0; }
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest&, const pipeline::Start&,
                                               const samplers::NoiseSchedule&, const pipeline::OnProgress&,
                                               pipeline::Recorder&) const override {
    return nullptr;
  }
};

pipeline::PromptTokens tokensOf(const Tensors& in, const std::string& name, const Json& config) {
  const at::Tensor ids = in.at(name).to(at::kInt).contiguous().view(-1);
  pipeline::PromptTokens tokens{.count = config.at(name)};
  tokens.ids.assign(ids.const_data_ptr<int32_t>(), ids.const_data_ptr<int32_t>() + ids.numel());
  return tokens;
}

double peakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return 1024 * std::stod(line.substr(6));
  }
  return 0;
}

// Prompts (L) by the encoder of {"folder"}, read {"by_block"} or not; {"prompt", "negative"}: their counts.
// "seconds" and "peak" are of the encoding.
Tensors t5Text(const Json& config, const Tensors& in) {
  static const std::map<std::string, T5Padding> kPaddings{
      {"seen", T5Padding::Seen}, {"zeroed", T5Padding::Zeroed}, {"dropped", T5Padding::Dropped}};
  TextAlone model(at::kCPU, parseDtype(config.value("dtype", "fp32"), at::kCPU));
  if (config.at("by_block")) model.max_memory = 1;
  const auto folder = weights::openComponent(config.at("folder"), "the text encoder");
  const weights::Component files{folder.path, folder.config, {{weights::openWeights(folder.weights)}}};
  T5Text text(files, {.length = in.at("prompt").numel(), .padding = kPaddings.at(config.at("padding"))},
              model);
  const pipeline::OnProgress ignore = [](const auto&) {};
  families::NetworkLoader loader(model, {}, ignore, {});
  text.load(loader);
  pipeline::SampleRequest request{};
  request.prompt_frames = {0};
  request.prompt = tokensOf(in, "prompt", config);
  request.negative = tokensOf(in, "negative", config);
  text.check(request);
  pipeline::Recorder recorder("");
  std::ofstream("/proc/self/clear_refs") << "5" << std::flush;
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor states = text.encode(request, recorder).to(at::kFloat);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {{"states", states},
          {"seconds", at::tensor({took.count()})},
          {"peak", at::tensor({peakBytes()})},
          {"kept", at::tensor({static_cast<double>(text.network().parameters.numel())})}};
}

}  // namespace

const bool kT5TextRegistered = addProbe("families.t5_text", t5Text);

}  // namespace cameo::test
