#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/StringUtil.h>

#include "core/error.h"
#include "nn/plain_kernels.h"
#include "pipeline/device_visit.h"
#include "pipeline/memory_plan.h"
#include "pipeline/pipeline.h"
#include "pipeline/pixels.h"

namespace cameo::pipeline {

RgbImage reconstruct(const Pipeline& pipeline, const RgbImage& image) {
  const c10::InferenceMode inference;
  const nn::PlainKernels plain(pipeline.plain_kernels);
  if (image.width < 1 || image.height < 1 ||
      static_cast<int64_t>(image.data.size()) != 3 * image.width * image.height) {
    throw Error(ErrorCode::InvalidOption, "a picture has another number of bytes than its size says");
  }
  const LatentCodec& codec = pipeline.codec();
  const int64_t stride = codec.stride();
  if (image.width % stride != 0 || image.height % stride != 0) {
    throw Error(ErrorCode::InvalidOption, c10::str("a picture of ", image.width, "x", image.height,
                                                   " is not of multiples of ", stride, " pixels"));
  }
  const bool tiled = planTiles(pipeline, image.width, image.height);
  const DeviceVisit visit(codec.network().parameters, pipeline.device);
  const at::Tensor latents =
      codec.encode(imageToTensor(image.data.data(), image.width, image.height), tiled).latents;
  at::Tensor decoded;
  codec.decode(latents, {.tiled = tiled}, [&](const at::Tensor& pictures) { decoded = pictures[0]; });
  requireFinite(pipeline, decoded.isfinite().all());
  const at::Tensor rgb = toRgb(decoded).cpu();
  const auto* bytes = rgb.const_data_ptr<uint8_t>();
  return {{bytes, bytes + rgb.numel()}, image.width, image.height};
}

}  // namespace cameo::pipeline
