#include "pipeline/pixels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>

#include "core/error.h"
#include "pipeline/device_visit.h"
#include "pipeline/host_copy.h"

namespace cameo::pipeline {

at::Tensor imageToTensor(const uint8_t* rgb, int64_t width, int64_t height) {
  const at::Tensor bytes = at::from_blob(const_cast<uint8_t*>(rgb), {height, width, 3}, at::kByte);
  return bytes.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat).div_(127.5).sub_(1);
}

at::Tensor maskToTensor(const RgbImage& mask) {
  const at::Tensor bytes =
      at::from_blob(const_cast<uint8_t*>(mask.data.data()), {mask.height, mask.width, 3}, at::kByte)
          .to(at::kLong);
  const at::Tensor luma =
      (bytes.select(2, 0) * 19595 + bytes.select(2, 1) * 38470 + bytes.select(2, 2) * 7471 + 0x8000)
          .bitwise_right_shift(16);
  return luma.ge(128).to(at::kFloat).view({1, 1, mask.height, mask.width});
}

at::Tensor toRgb(const at::Tensor& image) {
  const at::Tensor scaled = image.to(at::kFloat).mul(0.5).add_(0.5).clamp_(0, 1).mul_(255).round_();
  return scaled.permute({1, 2, 0}).to(at::kByte).contiguous();
}

void requireFinite(const Pipeline& pipeline, const at::Tensor& is_finite) {
  if (is_finite.item<bool>()) return;
  const char* small_type = pipeline.dtype == at::kHalf ? "load it with dtype bf16 or fp32, or " : "";
  throw Error(ErrorCode::WeightsFormat, c10::str("the model's result is not finite: ", small_type,
                                                 "get its weights again, one of the files is broken"));
}

Frames decodeFrames(const Pipeline& pipeline, const SampleRequest& request, const at::Tensor& latents,
                    const OnProgress& onProgress, const Cancellation& cancellation) {
  const LatentCodec& codec = pipeline.codec();
  const DeviceVisit visit(codec.network().parameters, pipeline.device);
  const int64_t frame_bytes = request.height * request.width * 3;
  Frames frames(request.hands_out_frames ? 0 : request.frames * frame_bytes);
  std::deque<HostCopy> decoded;  // one may be on its way from a GPU, which decodes the next frame meanwhile
  int64_t delivered = 0, taken = 0;
  at::Tensor all_finite;
  const auto deliver = [&](size_t may_stay) {
    while (decoded.size() > may_stay || (!decoded.empty() && decoded.front().isOnHost())) {
      const uint8_t* rgb = decoded.front().wait().const_data_ptr<uint8_t>();
      Progress report{Phase::Decode, delivered + 1, request.frames, {}};
      if (request.hands_out_frames) {
        report.frame = RgbImage{{rgb, rgb + frame_bytes}, request.width, request.height};
      } else {
        std::copy_n(rgb, frame_bytes, frames.data() + delivered * frame_bytes);
      }
      decoded.pop_front();
      ++delivered;
      onProgress(std::move(report));
    }
  };
  const Decoding how{.tiled = request.vae_tiling, .together = request.decoded_together};
  codec.decode(latents[0], how, [&](const at::Tensor& pictures) {
    // Asked of a GPU for every frame, it would have to wait.
    const at::Tensor is_finite = pictures.isfinite().all();
    all_finite = all_finite.defined() ? all_finite.logical_and(is_finite) : is_finite;
    for (int64_t i = 0; i < pictures.size(0); ++i, ++taken) {
      if (taken == 0 || taken + 1 == request.frames) requireFinite(pipeline, all_finite);
      decoded.emplace_back(toRgb(pictures[i]));
      deliver(1);
    }
    cancellation.check();
  });
  deliver(0);
  return frames;
}

}  // namespace cameo::pipeline
