#include "train/latents.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <filesystem>

#include "core/cancellation.h"
#include "core/error.h"
#include "pipeline/pixels.h"
#include "weights/safetensors.h"

namespace cameo::train {

at::Tensor picturesOf(int64_t stride, const std::vector<uint8_t>& rgb, int64_t width, int64_t height) {
  const int64_t bytes = 3 * width * height;
  if (bytes == 0 || width % stride != 0 || height % stride != 0 || rgb.size() % bytes != 0) {
    throw Error(ErrorCode::InvalidOption, c10::str("data.size: ", width, "x", height,
                                                   " is not allowed; both must be multiples of ", stride));
  }
  std::vector<at::Tensor> pictures;
  for (size_t start = 0; start < rgb.size(); start += bytes) {
    pictures.push_back(pipeline::imageToTensor(rgb.data() + start, width, height));
  }
  return at::cat(pictures);
}

models::Posterior encodePictures(const pipeline::LatentCodec& codec, const at::Tensor& pictures,
                                 int64_t references) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<at::Tensor> means, log_variances;
  const auto encode = [&](const at::Tensor& together) {
    throwIfCancelled();
    const models::Posterior posterior = codec.posterior(together, /*tiled=*/false);
    means.push_back(posterior.mean.to(at::kCPU));
    log_variances.push_back(posterior.log_variance.to(at::kCPU));
  };
  const int64_t film = codec.timeStride() > 1 ? pictures.size(0) - references : 0;
  if (film > 0) encode(pictures.narrow(0, 0, film));
  for (int64_t i = film; i < pictures.size(0); ++i) encode(pictures.narrow(0, i, 1));
  return {at::cat(means), at::cat(log_variances)};
}

void writeLatents(const std::string& path, const models::Posterior& latents) {
  std::error_code ignored;  // the file's own error says more
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  weights::writeSafetensors(path, {{"mean", latents.mean}, {"log_variance", latents.log_variance}});
}

}  // namespace cameo::train
