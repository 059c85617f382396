#include "families/wan/wan.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"
#include "families/wan/wan_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/device_visit.h"

namespace cameo::families {

using pipeline::SampleRequest;

namespace {

/// As the memory plan counts the largest tensors of a CPU's denoiser.
constexpr int64_t kTensorsInPlan = 16;

}  // namespace

std::vector<pipeline::Network> Wan::networks() const {
  std::vector<pipeline::Network> all;
  if (text) all.push_back(text->network());
  all.push_back({"transformer", transformer->parameters(), dtype, /*denoises=*/true});
  all.push_back(vae_codec->network());
  return all;
}

void Wan::describeOwn() {
  description["windows"] = true;
}

int64_t Wan::latentsOf(const SampleRequest& request) const {
  const int64_t window = request.context.length, frames = request.frames;
  const int64_t film = vae_codec->latentFrames(window > 0 ? std::min(window, frames) : frames);
  return leadingLatents(request) + film + trailingLatents(request);
}

void Wan::checkPlaces(const SampleRequest& request) const {
  const models::WanConfig& config = transformer->config();
  const int64_t side = vae_codec->stride() * config.patch.side;
  const auto refuse = [](const std::string& message) { throw Error(ErrorCode::InvalidOption, message); };
  if (request.width % side != 0 || request.height % side != 0) {
    refuse(c10::str("width, height: ", request.width, "x", request.height,
                    " is not allowed; both must be multiples of ", side));
  }
  const int64_t longest = config.most_places * side;
  if (request.width > longest || request.height > longest) {
    refuse(c10::str("width, height: ", request.width, "x", request.height,
                    " is not allowed; this model has places for at most ", longest, " each way"));
  }
  if (latentsOf(request) <= config.most_places) return;
  const int64_t most = config.most_places - leadingLatents(request) - trailingLatents(request) - 1;
  const bool windowed = request.context.length > 0 && request.context.length < request.frames;
  refuse(
      c10::str(windowed ? "context.length: " : "frames: ", windowed ? request.context.length : request.frames,
               " is not allowed; this model has places for at most ",
               std::max<int64_t>(most, 0) * vae_codec->timeStride() + 1,
               windowed ? "" : "; the option context has more"));
}

void Wan::check(const SampleRequest& request) const {
  refuseOtherRequests(request, "this model makes a film of a prompt alone; leave it out", {"context"});
  text->check(request);
  checkPlaces(request);
}

std::vector<pipeline::GuidanceScale> Wan::guidanceScales(const SampleRequest& request) const {
  return promptGuidance(request);
}

int64_t Wan::largestTensor(const SampleRequest& request) const {
  const models::WanConfig& config = transformer->config();
  const int64_t side = vae_codec->stride() * config.patch.side;
  const int64_t tokens = latentsOf(request) * (request.height / side) * (request.width / side);
  // Of a text's padding one token is read.
  const int64_t text = 1 + std::max(request.prompt.count, request.negative.count);
  const int64_t read = 2 * config.layers * text;
  return (tokens + read / kTensorsInPlan) * config.dim();
}

models::WanReads Wan::readTexts(const at::Tensor& states, const at::Tensor& image) const {
  const pipeline::DeviceVisit visit(transformer->parameters(), device);
  models::WanContext context = transformer->embedTexts(states);
  context.image = image;
  return transformer->read(context);
}

std::unique_ptr<pipeline::Denoiser> Wan::denoiser(const SampleRequest& request, const pipeline::Start&,
                                                  const samplers::NoiseSchedule&,
                                                  const pipeline::OnProgress& onProgress,
                                                  pipeline::Recorder& recorder) const {
  const at::Tensor both = text->encode(request, recorder);
  onProgress({pipeline::Phase::Encode, 1, 1, {}});
  const int64_t first = guidanceScales(request).empty() ? 1 : 0;
  const at::Tensor texts = both.slice(0, first);
  return std::make_unique<WanDenoiser>(*this, readTexts(texts), at::arange(texts.size(0)));
}

std::vector<weights::Layer> layersWhere(const weights::Component& transformer,
                                        bool (*is_taken)(std::string_view name)) {
  std::vector<weights::Layer> layers = transformer.layers;
  for (weights::Layer& layer : layers) {
    layer.map = [map = layer.map, is_taken](std::string_view key) -> std::optional<std::string> {
      auto name = map(key);
      return name && is_taken(*name) ? name : std::nullopt;
    };
  }
  return layers;
}

}  // namespace cameo::families
