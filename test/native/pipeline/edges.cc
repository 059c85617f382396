#include "pipeline/edges.h"

#include <ATen/ATen.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// Of a picture (H, W, 3) of bytes, as floats.
Tensors edges(const Json& config, const Tensors& in) {
  const at::Tensor& picture = in.at("picture");
  pipeline::RgbImage image{.data = {}, .width = picture.size(1), .height = picture.size(0)};
  for (const float value : c10::ArrayRef<float>(picture.const_data_ptr<float>(), picture.numel())) {
    image.data.push_back(static_cast<uint8_t>(value));
  }
  const at::Tensor found = pipeline::edgesOf(image, {.low = config.at("low"), .high = config.at("high")});
  return {{"edges", found[0][0].mul(255).to(at::kByte).to(at::kFloat)}};
}

}  // namespace

const bool kEdgesRegistered = addProbe("pipeline.edges", edges);

}  // namespace cameo::test
