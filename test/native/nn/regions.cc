#include "nn/regions.h"

#include <ATen/ATen.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// One region at the resolutions "sizes", one after another: "0", "1" ... (F, n); of "frames" where the
/// config chooses some. "bits" are the last one's, as numbers of 0 and 1.
Tensors regionInLayers(const Json& config, const Tensors& in) {
  auto regions = std::make_shared<const nn::Regions>(std::vector<nn::Subject>{{1, in.at("region")}});
  int64_t frames = in.at("region").size(1);
  if (config.contains("frames")) {
    const std::vector<int64_t> chosen = config.at("frames");
    regions = regions->ofFrames(chosen);
    frames = static_cast<int64_t>(chosen.size());
  }
  Tensors result;
  for (const Json& size : config.at("sizes")) {
    const auto layer = regions->ofLayer(frames, size[0], size[1], at::kCPU);
    result[std::to_string(result.size())] = layer->listens[0].to(at::kFloat);
    const at::Tensor shifts = at::arange(32, at::kInt);
    if (result.size() == config.at("sizes").size()) {
      result["bits"] =
          layer->bits[0].unsqueeze(-1).bitwise_right_shift(shifts).bitwise_and(1).flatten(1).to(at::kFloat);
    }
  }
  return result;
}

}  // namespace

const bool kRegionsRegistered = addProbe("nn.regions", regionInLayers);

}  // namespace cameo::test
