#include "pipeline/preview.h"

#include <ATen/ATen.h>

#include "core/rng.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"

namespace cameo::pipeline {

namespace {

constexpr int64_t kPositions = 16;  // latents along a side of the picture that the colours are fitted on
constexpr int64_t kBlobs = 5;       // colours along its side

/// (1, 3, H, W) in -1..1: smooth blobs of many colours, the same ones every time.
at::Tensor colourfulPicture(int64_t side) {
  const at::Tensor blobs = drawNormal({1, 3, kBlobs, kBlobs}, makeGenerator(0, RandomStream::InitialNoise));
  return at::upsample_bicubic2d(blobs, at::IntArrayRef{side, side}, /*align_corners=*/true).mul_(1.5).tanh_();
}

/// (C, h, w) -> (h*w, C + 1), the last column ones.
at::Tensor withBias(const at::Tensor& latents) {
  const at::Tensor columns = latents.to(at::kCPU, at::kFloat).flatten(1).t();
  return at::cat({columns, at::ones({columns.size(0), 1})}, 1);
}

}  // namespace

LatentPreview::LatentPreview(const Pipeline& pipeline) {
  const LatentCodec& codec = pipeline.codec();
  const at::Tensor picture = colourfulPicture(kPositions * codec.stride());
  const DeviceVisit visit(codec.network().parameters, pipeline.device);
  const at::Tensor latents = codec.encode(picture, /*tiled=*/false).latents[0];
  const at::Tensor colours = at::adaptive_avg_pool2d(picture, {kPositions, kPositions})[0].flatten(1).t();
  weights_ = std::get<0>(at::linalg_lstsq(withBias(latents), colours, std::nullopt, "gelsd"));
}

RgbImage LatentPreview::render(const at::Tensor& latents) const {
  const int64_t height = latents.size(1), width = latents.size(2);
  const at::Tensor colours = at::matmul(withBias(latents), weights_).t().unflatten(1, {height, width});
  const at::Tensor bytes = toRgb(colours);
  const uint8_t* data = bytes.const_data_ptr<uint8_t>();
  return {{data, data + bytes.numel()}, width, height};
}

}  // namespace cameo::pipeline
